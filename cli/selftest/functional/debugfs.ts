// SPDX-License-Identifier: GPL-2.0-only
// The files for people who look: they say what the messages say, and are there as long as the device.
import { check, checkEqual, checkMatch } from "../check.ts";
import { Rig } from "../rig.ts";
import { Scope } from "../scope.ts";
import { ElsewhereError } from "../stage.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

const ROOT = "/sys/kernel/debug/dm-remap";
/** Records in the trace. */
const RECORDS = 256;

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A device while `body` runs. */
async function life(bench: Bench, body: (rig: Rig, read: Reader) => Promise<void>): Promise<void> {
  if (!isThere(ROOT)) throw new ElsewhereError("debugfs");
  let folder = "";
  {
    await using scope = new Scope(bench.signal);
    const rig = await Rig.make(scope, bench.dm, bench.disks, {
      features: ["volatile", "retries", "2", "max_remaps", "0"],
    });
    folder = `${ROOT}/${rig.name}`;
    await body(rig, (file) => Deno.readTextFileSync(`${folder}/${file}`).trimEnd());
  }
  checkEqual("its folder behind it", isThere(folder), false);
}

type Reader = (file: string) => string;

function saysWhatMessagesSay(bench: Bench): Promise<void> {
  return life(bench, async (rig, read) => {
    await rig.relocate(10, 4);
    await rig.relocate(500, 200);
    checkEqual("stats", read("stats"), (await rig.send("stats")).trimEnd());
    checkEqual("remap_table", read("remap_table"), (await rig.send("entries 0 100")).trimEnd());
    const [health, ...regions] = read("health").split("\n");
    checkEqual("health", health, await rig.send("health"));
    checkEqual("parts of the device", regions, [
      "0 128 remapped=4 lost=0 pending=0",
      "384 128 remapped=12 lost=0 pending=0",
      "512 128 remapped=128 lost=0 pending=0",
      "640 128 remapped=60 lost=0 pending=0",
    ]);
    const config = read("config").split("\n");
    for (const line of [`length=${rig.length}`, "volatile=1", "retries=2", "max_remaps=0"]) {
      check("config", config.includes(line), { expected: line, seen: config });
    }
    // Whoever reads keeps nobody from moving.
    await rig.relocate(20, 1);
  });
}

interface Operation {
  readonly seconds: number;
  /** Behind the time. */
  readonly text: string;
}

function tracedIn(text: string): Operation[] {
  return text.split("\n").map((line) => {
    const [, seconds = "", text = ""] = checkMatch("a line", line, /^(\d+\.\d{6}) (\S.*)$/);
    return { seconds: Number(seconds), text };
  });
}

function tracesTheLastOperations(bench: Bench): Promise<void> {
  return life(bench, async (rig, read) => {
    const done: string[] = [];
    for (let sector = 1; sector <= RECORDS / 2 + 3; sector++) {
      await rig.relocate(sector, 1);
      checkEqual("unmap", await rig.send(`unmap ${sector} 1`), "cleared=1 kept=0");
      done.push(`remapped ${sector} 1 0`, `unmapped ${sector} 1 0`);
    }
    const traced = tracedIn(read("trace"));
    checkEqual("the trace", traced.map(({ text }) => text), done.slice(-RECORDS));
    const times = traced.map(({ seconds }) => seconds);
    checkEqual("times", times, times.toSorted((a, b) => a - b));
  });
}

export const DEBUGFS_CASES: readonly FunctionalCase[] = [
  { name: "debugfs: the files say what the messages say", run: saysWhatMessagesSay },
  { name: "debugfs: the last operations, in their order", run: tracesTheLastOperations },
];
