// SPDX-License-Identifier: GPL-2.0-only
// What deploy/ has for backups: its command lines are this program's, and systemd takes its units.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { buildProgram } from "../../cli/app.ts";
import { walkCommands } from "../../cli/commands/support/command_doc.ts";
import { Session } from "../../cli/commands/support/session.ts";
import { install, targets } from "../../cli/deploy/targets.ts";
import { findProgram } from "../../cli/kmod/process.ts";
import { MemoryTerminal } from "../../cli/output/memory_terminal.ts";

const deploy = join(import.meta.dirname ?? ".", "../../deploy");
const read = (path: string) => Deno.readTextFileSync(join(deploy, path));

/** The settings that both have, as a shell reads them. */
async function settings(text: string): Promise<Map<string, string>> {
  const { stdout, success } = await new Deno.Command("sh", {
    args: [
      "-euc",
      `${text}\nfor k in OPTIONS METRICS JITTER ON_FAILURE; do eval "echo $k=\\$$k"; done`,
    ],
    env: { METRICS: "" },
  }).output();
  assert.ok(success);
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return new Map(lines.map((line) => [line.split("=")[0]!, line.split("=").slice(1).join("=")]));
}

/** Parses with the real command tree; nothing is done. */
async function parse(line: string): Promise<void> {
  const [program, ...words] = line.trim().split(/\s+/);
  assert.match(program ?? "", /(^|\/)dmremap-ts$/);
  const tree = buildProgram(new Session({ terminal: new MemoryTerminal() }));
  for (const { command } of walkCommands(tree)) {
    if (command.commands.length === 0) command.action(() => undefined);
  }
  await tree.parseAsync(words, { from: "user" });
}

function expand(line: string, values: ReadonlyMap<string, string>): string {
  return line.replaceAll(/"?\$\{?(\w+)(?::-\w+)?\}?"?/g, (_all, key) => values.get(key) ?? "?");
}

Deno.test("both command lines fit the command tree, with the metrics and without", async () => {
  const text = read("backup/dmremap-backup.default");
  const cron = /exec (dmremap-ts .*)$/m.exec(read("cron/dmremap-backup"))?.[1] ?? "";
  const unit = /^ExecStart=(.*)$/m.exec(read("systemd/dmremap-backup.service"))?.[1] ?? "";
  for (const each of [text, text.replace(/^#METRICS/m, "METRICS")]) {
    const values = await settings(each);
    for (const line of [cron, unit]) {
      const typed = expand(line, values);
      assert.doesNotMatch(typed, /[?$"]/);
      assert.match(typed, /--with-data .*--keep-daily \d+/);
      await parse(typed);
    }
  }
  await assert.rejects(parse("dmremap-ts backup --jitter soon"));
});

Deno.test("cron takes the file: its name has no dot, its line has a user and ends", () => {
  const text = read("cron/dmremap-backup");
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const [entry, ...more] = lines.filter((line) => !/^\w+=/.test(line));
  assert.match(entry ?? "", /^\d+ \* \* \* \* root \S/);
  assert.deepEqual([more, text.endsWith("\n"), entry?.includes("%")], [[], true, false]);
});

/** Units of the system that ours are ordered against. */
const OTHERS = ["sysinit", "basic", "timers", "shutdown", "time-set", "time-sync"];

Deno.test({
  name: "systemd finds nothing wrong with the units",
  ignore: findProgram("systemd-analyze") === undefined,
  fn: async () => {
    const root = await Deno.makeTempDir();
    try {
      for (const target of targets()) if (target.part === "timer") install(target, root);
      const units = join(root, "etc/systemd/system");
      for (const name of OTHERS) {
        Deno.writeTextFileSync(join(units, `${name}.target`), `[Unit]\nDescription=${name}\n`);
      }
      const program = join(root, "usr/local/sbin/dmremap-ts");
      Deno.mkdirSync(dirname(program), { recursive: true });
      Deno.writeTextFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
      const names = ["dmremap-backup.timer", "dmremap-backup.service"];
      const { code, stderr } = await new Deno.Command("systemd-analyze", {
        args: ["verify", "--man=no", "--root", root, ...names],
      }).output();
      assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
