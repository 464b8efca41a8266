// SPDX-License-Identifier: GPL-2.0-only
// Closed and full outputs, terminals, colours, and interrupts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { findProgram } from "../../cli/kmod/process.ts";
import { eachCommand, everyCommand, runTool, runWords, toolWords } from "./tool.ts";

/** Quotes words for a POSIX shell. */
function quote(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

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

Deno.test({
  name: "an interrupt ends with 130 and leaves nothing behind",
  ignore: findProgram("make") === undefined || findProgram("gcc") === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      // Headers whose build takes for ever, and says when it has begun.
      const begun = join(folder, "begun");
      const recipe = `modules:\n\t@touch ${begun}; exec sleep 60\n`;
      await Deno.writeTextFile(join(folder, "Makefile"), recipe);
      const temporary = join(folder, "tmp");
      await Deno.mkdir(temporary);
      const args = ["kmod", "build", "--release", "none", "--kdir", folder, "--output", folder];
      const [program = "", ...words] = [...toolWords(), ...args];
      const child = new Deno.Command(program, {
        args: words,
        stdin: "null",
        stdout: "null",
        stderr: "null",
        env: { TMPDIR: temporary },
      }).spawn();
      while (!(await exists(begun))) await new Promise((resolve) => setTimeout(resolve, 50));
      child.kill("SIGINT");
      assert.equal((await child.status).code, 130);
      assert.deepEqual([...Deno.readDirSync(temporary)], []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
