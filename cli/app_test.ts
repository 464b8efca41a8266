// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { run } from "./app.ts";
import { FakeMapper, runTool } from "./commands/support/fake_mapper.ts";
import { Session } from "./commands/support/session.ts";
import { MemoryTerminal } from "./output/memory_terminal.ts";
import { OutputClosedError } from "./output/terminal.ts";

Deno.test("no command: help on stderr, exit code 2; asked for: on stdout, 0", async () => {
  const none = await runTool([]);
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.err, /^Usage: dmremap-ts/);
  const asked = await runTool(["--help"]);
  assert.deepEqual([asked.code, asked.err], [0, ""]);
  assert.equal((await runTool(["help", "status"])).out, (await runTool(["status", "-h"])).out);
  const nested = await runTool(["help", "kmod", "build"]);
  assert.deepEqual(nested, await runTool(["kmod", "build", "-h"]));
  const unknown = await runTool(["help", "kmod", "nothing"]);
  assert.deepEqual([unknown.code, unknown.out], [2, ""]);
  assert.match(unknown.err, /unknown command 'nothing'\n.*see dmremap-ts kmod --help/);
});

Deno.test("usage errors send the reader to the right help", async () => {
  assert.match((await runTool(["kmod", "build", "-x"])).err, /see dmremap-ts kmod build --help/);
  assert.match((await runTool(["stauts"])).err, /Did you mean one of .*status/);
  const json = await runTool(["--json"]);
  assert.equal(JSON.parse(json.err).error.message, "a command is missing");
});

Deno.test("versions of everything, in words and as JSON", async () => {
  const { code, out } = await runTool(["--version"]);
  assert.equal(code, 0);
  assert.match(out, /^dmremap-ts \S+\nmodule \S+\ndeno \S+\ngit \S+\n$/);
  const json = JSON.parse((await runTool(["--version", "--json"])).out);
  assert.deepEqual(Object.keys(json), ["schema_version", "tool", "module", "runtime", "git"]);
});

Deno.test("options may stand before and after the command", async () => {
  const mapper = new FakeMapper({ r0: {} });
  const before = await runTool(["--json", "--units", "b", "status"], mapper);
  const after = await runTool(["status", "--units=b", "--json"], mapper);
  assert.equal(before.out, after.out);
});

Deno.test("a reader that has gone is no error of ours", async () => {
  class Closed extends MemoryTerminal {
    override writeOut(): void {
      throw new OutputClosedError("closed");
    }
  }
  const terminal = new Closed();
  assert.equal(await run(["completion", "bash"], new Session({ terminal })), 0);
  assert.equal(terminal.err, "");
});

Deno.test("an interrupt wins over what is under way", async () => {
  const terminal = new MemoryTerminal();
  const interrupt = new AbortController();
  interrupt.abort(new Error("got SIGINT"));
  assert.equal(await run(["doctor"], new Session({ terminal, signal: interrupt.signal })), 130);
  assert.match(terminal.err, /^error: interrupted/);
});

Deno.test("what went wrong unexpectedly shows where with --verbose", async () => {
  const broken = new FakeMapper({ r0: { status: "remapped=many" } });
  const { code, err } = await runTool(["status", "--verbose"], broken);
  assert.equal(code, 1);
  assert.match(err, /\n +at /);
});
