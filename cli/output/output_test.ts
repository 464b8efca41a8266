// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MemoryTerminal } from "./memory_terminal.ts";
import { Output, type OutputOptions } from "./output.ts";

const PLAIN: OutputOptions = { json: false, units: "iec", quiet: false, verbose: false };

function speak(options: Partial<OutputOptions>, say: (out: Output) => void): MemoryTerminal {
  const terminal = new MemoryTerminal();
  say(new Output(terminal, { ...PLAIN, ...options }));
  return terminal;
}

Deno.test("a result goes to stdout in one form", () => {
  const say = (out: Output) => out.result({ count: 1n }, () => "one");
  assert.equal(speak({}, say).out, "one\n");
  assert.equal(speak({ json: true }, say).out, '{\n  "schema_version": 1,\n  "count": 1\n}\n');
  assert.equal(speak({ quiet: true }, say).out, "one\n");
});

Deno.test("quiet hides what was done, but not from a script that asked for JSON", () => {
  const say = (out: Output) => out.done({ removed: "r0" }, "removed r0");
  assert.equal(speak({}, say).out, "removed r0\n");
  assert.equal(speak({ quiet: true }, say).out, "");
  assert.match(speak({ quiet: true, json: true }, say).out, /"removed": "r0"/);
});

Deno.test("remarks go to stderr; warnings survive quiet and stay parsable with JSON", () => {
  const say = (out: Output) => {
    out.note("note");
    out.detail("detail");
    out.warn("careful");
  };
  assert.equal(speak({}, say).err, "note\nwarning: careful\n");
  assert.equal(speak({ verbose: true }, say).err, "note\ndetail\nwarning: careful\n");
  assert.equal(speak({ quiet: true }, say).err, "warning: careful\n");
  assert.deepEqual(JSON.parse(speak({ json: true }, say).err), {
    schema_version: 1,
    warning: { message: "careful" },
  });
});

Deno.test("colour needs a terminal and no NO_COLOR; progress needs a terminal", () => {
  const on = new Output(new MemoryTerminal({ interactive: true }), PLAIN);
  assert.equal(on.tint("bad", "x"), "\x1b[31mx\x1b[0m");
  assert.ok(on.progress);
  const piped = new Output(new MemoryTerminal(), PLAIN);
  assert.equal(piped.tint("bad", "x"), "x");
  assert.ok(!piped.progress);
  const env = { NO_COLOR: "1" };
  assert.ok(!new Output(new MemoryTerminal({ interactive: true, env }), PLAIN).color);
  const empty = { NO_COLOR: "" };
  assert.ok(new Output(new MemoryTerminal({ interactive: true, env: empty }), PLAIN).color);
});
