// SPDX-License-Identifier: GPL-2.0-only
// --help of every command: on stdout, complete, and with the exit codes of the contract.
import assert from "node:assert/strict";
import { PROGRAM } from "../../cli/commands/support/command_doc.ts";
import { EXIT_MEANINGS } from "../../cli/output/exit_codes.ts";
import { DESCRIBED } from "./schemas/mod.ts";
import { eachCommand, everyCommand, leafCommands, runHere, runTool, typed } from "./tool.ts";

/** The lines below a heading, up to the next blank line. */
function section(help: string, heading: string): string[] {
  const lines = help.split("\n");
  const start = lines.indexOf(heading);
  assert.ok(start >= 0, `no "${heading}" in:\n${help}`);
  const end = lines.indexOf("", start);
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

Deno.test("help of every command", async (t) => {
  await eachCommand(t, everyCommand(), async (command) => {
    const { code, stdout, stderr } = await runTool([...command.path, "--help"]);
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.ok(stdout.startsWith(`Usage: ${[PROGRAM, ...command.path].join(" ")}`), stdout);
    for (const option of [...command.options, ...command.globals]) {
      assert.ok(stdout.includes(option.long), `${option.long} is missing`);
    }
    const examples = section(stdout, "Examples:").filter((line) => !line.startsWith("      "));
    assert.ok(examples.length > 0, "no examples");
    for (const example of examples) {
      assert.ok(example.startsWith(`  ${[PROGRAM, ...command.path].join(" ")}`), example);
    }
    const codes = section(stdout, "Exit codes:").map((line) => line.trim().split(/ {2,}/));
    const expected = command.doc.exits.map((exit) => [`${exit}`, EXIT_MEANINGS[exit]]);
    assert.deepEqual(codes, expected);
    const last = expected.at(-1) ?? [];
    assert.match(stdout.trimEnd().split("\n").at(-1) ?? "", new RegExp(`^ +${last[0]} `));
  });
});

Deno.test("every command tells of success and of wrong use", () => {
  for (const { path, doc } of everyCommand()) {
    assert.ok(doc.exits.includes(0) && doc.exits.includes(2), path.join(" "));
    assert.deepEqual([...doc.exits], [...doc.exits].sort((a, b) => a - b), path.join(" "));
  }
});

Deno.test("`help A B` is `A B --help`, at any depth", async (t) => {
  await eachCommand(t, everyCommand(), async ({ path }) => {
    const asked = await runHere(["help", ...path]);
    assert.deepEqual(asked, await runHere([...path, "--help"]));
    assert.ok(asked.stdout.startsWith(`Usage: ${[PROGRAM, ...path].join(" ")} `), asked.stdout);
    const { code, stderr } = await runHere(["help", ...path, "no-such-command"]);
    assert.equal(code, 2);
    assert.match(stderr, /unknown command 'no-such-command'/);
  });
});

Deno.test("the schemas are those of the commands that there are", () => {
  assert.deepEqual(DESCRIBED.toSorted(), leafCommands().map(typed).toSorted());
});

Deno.test("--version names four versions", async () => {
  const { code, stdout, stderr } = await runTool(["--version"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^dmremap-ts \d+\.\d+\.\d+\nmodule \d+\.\d+\.\d+\ndeno \d+\.\d+\.\d+\ngit \S+\n$/,
  );
});
