// SPDX-License-Identifier: GPL-2.0-only
// A program to pack in place of the tool: says what arrives, and ends as it is told.
//
//   [report] ...      print what arrived as JSON
//   exit N            end with N
//   cat               copy stdin to stdout
//   sleep             print a line, then wait for a signal
//   spawn PROGRAM...  run a program and pass its exit code on
import process from "node:process";
import { listEmbedded, readEmbeddedText } from "../../cli/embed/files.ts";

const [mode, ...rest] = Deno.args;

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
}

function report(): void {
  print(JSON.stringify({
    args: Deno.args,
    env: Deno.env.toObject(),
    cwd: Deno.cwd(),
    execPath: Deno.execPath(),
    pid: process.pid,
    embedded: listEmbedded("").length,
    licence: readEmbeddedText("LICENSE").length,
  }));
}

async function spawn(): Promise<void> {
  const [program = "true", ...args] = rest;
  const { code } = await new Deno.Command(program, { args }).spawn().status;
  Deno.exit(code);
}

if (mode === "exit") Deno.exit(Number(rest[0]));
else if (mode === "cat") Deno.stdin.readable.pipeTo(Deno.stdout.writable);
else if (mode === "spawn") spawn();
else if (mode === "sleep") {
  print("ready");
  setTimeout(() => {}, 60_000);
} else report();
