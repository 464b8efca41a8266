// SPDX-License-Identifier: GPL-2.0-only
// Each script is read by its own shell and asked what it would offer.
import assert from "node:assert/strict";
import { join } from "node:path";
import { findProgram } from "../../kmod/process.ts";
import { bashCompletion } from "./completion_bash.ts";
import { fishCompletion } from "./completion_fish.ts";
import { zshCompletion } from "./completion_zsh.ts";
import { fakeProgram, realTree } from "./sample_tree.ts";

/** Words typed so far (the last one unfinished), and what is offered, or some of it. */
const QUESTIONS: readonly (readonly [typed: string, offers: readonly string[], all?: boolean])[] = [
  ["cre", ["create"], true],
  ["", ["create", "kmod", "status", "man"]],
  ["kmod ", ["build", "load", "unload", "status"]],
  ["kmod bu", ["build"], true],
  ["status ", ["r0", "r1"], true],
  ["status r0 ", ["r0", "r1"], true],
  ["--json table ", ["r0", "r1"], true],
  ["create --pending-policy ", ["relocate", "verify"], true],
  ["--units ", ["s", "b", "iec"], true],
  ["--units s remap r", ["r0", "r1"], true],
  ["completion ", ["bash", "zsh", "fish"], true],
  ["create --vol", ["--volatile"], true],
  ["create r9 dmremap-", ["dmremap-ts"], true],
  ["create ", []],
];

async function runShell(folder: string, shell: string, args: readonly string[]): Promise<string> {
  const path = `${folder}:${Deno.env.get("PATH") ?? ""}`;
  const { code, stdout, stderr } = await new Deno.Command(shell, {
    args: [...args],
    cwd: folder,
    env: { PATH: path, HOME: folder, TERM: "dumb" },
  }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, `${shell}: ${decoder.decode(stderr)}`);
  assert.equal(decoder.decode(stderr), "");
  return decoder.decode(stdout);
}

function checkOffers(
  typed: string,
  offered: readonly string[],
  offers: readonly string[],
  all = false,
) {
  if (all) return assert.deepEqual([...offered].sort(), [...offers].sort(), `after "${typed}"`);
  for (const offer of offers) {
    assert.ok(offered.includes(offer), `after "${typed}": ${offer} is not in ${offered.join(" ")}`);
  }
}

function folderWith(script: string): { folder: string; file: string } & Disposable {
  const folder = Deno.makeTempDirSync();
  const file = join(folder, "_dmremap-ts");
  Deno.writeTextFileSync(file, script);
  fakeProgram(folder);
  return { folder, file, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

Deno.test({
  name: "bash offers commands, options, values, devices and files",
  ignore: findProgram("bash") === undefined,
  fn: async (t) => {
    using place = folderWith(bashCompletion(realTree()));
    for (const [typed, offers, all] of QUESTIONS) {
      await t.step(typed === "" ? "nothing" : typed, async () => {
        // Words of --option=value are split at the equals sign, as readline does it.
        const words = ["dmremap-ts", ...typed.split(" ")];
        const script = `set -u; source ${place.file}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
          _dmremap_ts dmremap-ts; printf '%s\\n' \${COMPREPLY[@]+"\${COMPREPLY[@]}"}`;
        const out = await runShell(place.folder, "bash", ["-c", script, "bash", ...words]);
        checkOffers(typed, out.split("\n").filter((line) => line !== ""), offers, all);
      });
    }
    await t.step("values after an equals sign", async () => {
      const script = `source ${place.file}; COMP_WORDS=(dmremap-ts list --units = i); COMP_CWORD=4
        _dmremap_ts dmremap-ts; printf '%s\\n' "\${COMPREPLY[@]}"`;
      assert.equal(await runShell(place.folder, "bash", ["-c", script]), "iec\n");
    });
  },
});

Deno.test({
  name: "fish offers the same",
  ignore: findProgram("fish") === undefined,
  fn: async (t) => {
    using place = folderWith(fishCompletion(realTree()));
    for (const [typed, offers, all] of QUESTIONS) {
      await t.step(typed === "" ? "nothing" : typed, async () => {
        const script = `source ${place.file}; complete -C "dmremap-ts ${typed}"`;
        const out = await runShell(place.folder, "fish", ["--no-config", "-c", script]);
        const offered = out.split("\n").flatMap((line) => line.split("\t")[0] || []);
        checkOffers(typed, [...new Set(offered)], offers, all);
      });
    }
  },
});

Deno.test({
  name: "zsh reads its script and defines a function a command",
  ignore: findProgram("zsh") === undefined,
  fn: async () => {
    using place = folderWith(zshCompletion(realTree()));
    await runShell(place.folder, "zsh", ["-f", "-n", place.file]);
    const script = `compdef() { print -r -- "$@" }; source ${place.file}
      for f in _dmremap_ts _dmremap_ts__kmod__build; do (( $+functions[$f] )) || print no $f; done`;
    const out = await runShell(place.folder, "zsh", ["-f", "-c", script]);
    assert.equal(out, "_dmremap_ts dmremap-ts\n");
  },
});
