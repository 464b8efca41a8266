// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { assemble, LayoutError, type Parts } from "./layout.ts";
import { xxh32 } from "./xxh32.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function fakeRuntime(size = 5000): Uint8Array {
  const runtime = new Uint8Array(size).fill(7);
  runtime.set([0x7f, 0x45, 0x4c, 0x46, 2]);
  new DataView(runtime.buffer).setUint16(16, 3, true);
  new DataView(runtime.buffer).setUint16(18, 62, true);
  return runtime;
}

const header = "\0".repeat(40);
const parts: Parts = {
  launcher: bytes(`launcher DMREMAP-PAYLOAD1${header} end`),
  runtime: fakeRuntime(),
  archive: bytes("archive"),
  script: bytes("script"),
  codeCache: bytes("cache"),
  boot: "boot();",
  git: "abc",
};

interface Described {
  readonly size: bigint;
  readonly runtime: bigint;
  readonly boot: bigint;
  readonly bootSize: bigint;
  readonly checksum: number;
}

function describe(file: Uint8Array): Described {
  const view = new DataView(file.buffer, "launcher ".length + 16);
  const number = (i: number): bigint => view.getBigUint64(8 * i, true);
  return {
    size: number(0),
    runtime: number(1),
    boot: number(2),
    bootSize: number(3),
    checksum: view.getUint32(32, true),
  };
}

Deno.test("the launcher is told where everything lies", () => {
  const file = assemble(parts);
  const { size, runtime, boot, bootSize, checksum } = describe(file);
  assert.equal(Number(size), file.length);
  assert.equal(runtime % 4096n, 0n);
  const runtimeEnd = Number(runtime) + parts.runtime.length;
  assert.deepEqual(file.subarray(Number(runtime), runtimeEnd), parts.runtime);
  assert.equal(checksum, xxh32(file.subarray(Number(runtime))));
  assert.equal(Number(boot + bootSize), file.length);
});

Deno.test("the boot script is told where the other parts lie", () => {
  const file = assemble(parts);
  const { boot } = describe(file);
  const script = new TextDecoder().decode(file.subarray(Number(boot)));
  assert.ok(script.endsWith("\nboot();"));
  const payload = JSON.parse(/= (\{.*\});/.exec(script)?.[1] ?? "");
  const piece = ({ offset, size }: { offset: number; size: number }): string =>
    new TextDecoder().decode(file.subarray(offset, offset + size));
  assert.equal(payload.git, "abc");
  assert.deepEqual([payload.archive, payload.script, payload.codeCache].map(piece), [
    "archive",
    "script",
    "cache",
  ]);
});

Deno.test("a launcher without a place for the description is refused", () => {
  for (const launcher of ["no place", "DMREMAP-PAYLOAD1 DMREMAP-PAYLOAD1"]) {
    assert.throws(() => assemble({ ...parts, launcher: bytes(launcher) }), LayoutError);
  }
});

Deno.test("a runtime that the launcher could not load is refused", () => {
  const wrong = [bytes("#!/bin/sh\n"), bytes(""), fakeRuntime().fill(2, 16, 18)];
  for (const runtime of wrong) {
    assert.throws(() => assemble({ ...parts, runtime }), LayoutError);
  }
});
