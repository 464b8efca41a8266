// SPDX-License-Identifier: GPL-2.0-only
// Wrong use of every command: exit code 2, nothing on stdout, and words that help.
import assert from "node:assert/strict";
import {
  eachCommand,
  errorOf,
  everyCommand,
  goodArguments,
  leafCommands,
  runHere,
  runTool,
} from "./tool.ts";

Deno.test("an unknown flag", async (t) => {
  await eachCommand(t, everyCommand(), async (command) => {
    const { code, stdout, stderr } = await runTool([...command.path, "--no-such-flag"]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /unknown option '--no-such-flag'/);
    assert.match(stderr, new RegExp(`see ${["dmremap-ts", ...command.path].join(" ")} --help`));
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
});

Deno.test("the same with --json is one error object", async (t) => {
  await eachCommand(t, everyCommand(), async (command) => {
    const result = await runHere([...command.path, "--no-such-flag", "--json"]);
    assert.deepEqual([result.code, result.stdout], [2, ""]);
    const error = errorOf(result);
    assert.deepEqual([error["code"], error["exit_code"]], ["usage", 2]);
  });
});

Deno.test("a missing argument, or a missing command", async (t) => {
  const commands = everyCommand().filter((command) =>
    command.children.length > 0 || command.arguments.some((argument) => argument.required)
  );
  await eachCommand(t, commands, async (command) => {
    const args = goodArguments(command, "conformance-none").slice(0, -1);
    const { code, stdout, stderr } = await runTool([...command.path, ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /missing/);
  });
});

Deno.test("an argument too many", async (t) => {
  const commands = leafCommands().filter((command) =>
    !command.arguments.some((argument) => argument.variadic)
  );
  await eachCommand(t, commands, async (command) => {
    const optional = command.arguments.filter(({ required }) => !required).map(() => "x");
    const args = [...goodArguments(command, "conformance-none"), ...optional, "superfluous"];
    const { code, stdout } = await runTool([...command.path, ...args]);
    assert.deepEqual([code, stdout], [2, ""]);
  });
});

Deno.test("units that there are not, and commands that there are not", async () => {
  assert.equal((await runTool(["list", "--units", "kB"])).code, 2);
  for (const words of [["no-such-command"], ["kmod", "no-such-command"]]) {
    const { code, stdout, stderr } = await runTool(words);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /unknown command 'no-such-command'/);
  }
});
