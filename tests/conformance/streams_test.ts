// SPDX-License-Identifier: GPL-2.0-only
// Closed and full outputs, terminals, colours, and interrupts.
import assert from "node:assert/strict";
import { findProgram } from "../../cli/kmod/process.ts";
import { eachCommand, everyCommand, quote, runTool, runWords, toolWords } from "./tool.ts";

Deno.test("a reader that closes stdout is no failure and no stack trace", async (t) => {
  await eachCommand(t, everyCommand(), async (command) => {
    const words = quote([...toolWords(), ...command.path, "--help"]);
    const { stderr } = await runWords(["sh", "-c", `{ ${words}; echo "code $?" >&2; } | true`]);
    assert.equal(stderr, "code 0\n");
  });
});

Deno.test("a full disk behind stdout is a failure", async () => {
  const words = quote([...toolWords(), "completion", "bash"]);
  const { code, stderr } = await runWords(["sh", "-c", `${words} >/dev/full`]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: cannot write to stdout\n {2}why: .*No space left/);
});

Deno.test("no stdout, stdin or stderr at all", async () => {
  const words = quote([...toolWords(), "completion", "bash"]);
  const { code } = await runWords(["sh", "-c", `${words} <&- >&- 2>&-`]);
  assert.ok([0, 1].includes(code), `exit code ${code}`);
});

Deno.test("no escape sequences in a pipe", async () => {
  for (const words of [["doctor"], ["kmod", "status"], ["--help"], ["status"]]) {
    const { stdout, stderr } = await runTool(words, { env: { TERM: "xterm-256color" } });
    assert.ok(!`${stdout}${stderr}`.includes("\x1b"), words.join(" "));
  }
});

Deno.test({
  name: "colours on a terminal, none with NO_COLOR",
  ignore: findProgram("script") === undefined,
  fn: async () => {
    const words = quote([...toolWords(), "doctor"]);
    const onTerminal = async (env: Record<string, string>) =>
      (await runWords(["script", "--quiet", "--command", words, "/dev/null"], { env })).stdout;
    assert.ok((await onTerminal({ NO_COLOR: "" })).includes("\x1b[32m"));
    assert.ok(!(await onTerminal({ NO_COLOR: "1" })).includes("\x1b["));
    assert.ok(!(await onTerminal({ NO_COLOR: "", TERM: "dumb" })).includes("\x1b["));
  },
});

Deno.test("the JSON of commands that need no device is one document with a schema_version", async () => {
  for (const words of [["doctor"], ["kmod", "status"], ["completion", "fish"], ["man", "status"]]) {
    const { stdout } = await runTool([...words, "--json"]);
    assert.equal(JSON.parse(stdout).schema_version, 1, words.join(" "));
  }
});
