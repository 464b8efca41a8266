// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError, UsageError } from "./errors.ts";
import {
  formatTable,
  fromTarget,
  parseTable,
  type RemapFeatures,
  type RemapTable,
  toTarget,
} from "./table_line.ts";

const sectors = fc.bigInt({ min: 0n, max: (1n << 54n) - 1n });
const device = fc.oneof(
  fc.tuple(fc.nat(4095), fc.nat(1048575)).map(([major, minor]) => `${major}:${minor}`),
  fc.stringMatching(/^\/dev\/[A-Za-z0-9._+@/-]{1,20}$/),
);
const on = fc.constant(true as const);
const features: fc.Arbitrary<RemapFeatures> = fc.record({
  volatile: on,
  maxRemaps: sectors,
  noAutoRemap: on,
  retries: sectors,
  retryDelayMs: sectors,
  proactive: on,
  pendingPolicy: fc.constantFrom("relocate" as const, "verify" as const),
  verifyReads: on,
  scanIntervalS: sectors,
  extra: fc.array(fc.stringMatching(/^future_[a-z]{1,8}$/), { minLength: 1, maxLength: 3 }),
}, { requiredKeys: [], noNullPrototype: true });
const tables: fc.Arbitrary<RemapTable> = fc.record({
  start: sectors,
  length: sectors,
  main: device,
  mainStart: sectors,
  spare: device,
  spareStart: sectors,
  spareLength: sectors,
  features,
}, { noNullPrototype: true });

Deno.test("the line of the contract", () => {
  const line = "0 2097152 remap 8:16 0 8:32 2048 102400 3 volatile max_remaps 64";
  const table = parseTable(line);
  assert.deepEqual(table, {
    start: 0n,
    length: 2097152n,
    main: "8:16",
    mainStart: 0n,
    spare: "8:32",
    spareStart: 2048n,
    spareLength: 102400n,
    features: { volatile: true, maxRemaps: 64n },
  });
  assert.equal(formatTable(table), line);
});

Deno.test("arguments of a later module stay in the line, and count", () => {
  const line = "0 8 remap 8:0 0 8:16 0 8 4 proactive future 7 later";
  const table = parseTable(line);
  assert.deepEqual(table.features, { proactive: true, extra: ["future", "7", "later"] });
  assert.equal(formatTable(table), line);
});

Deno.test("no features, no count", () => {
  const line = "0 8 remap /dev/a 0 /dev/b 0 8";
  assert.equal(formatTable(parseTable(line)), line);
  assert.deepEqual(parseTable(`${line} 0`), parseTable(line));
});

Deno.test("formatting and parsing are inverse", () => {
  fc.assert(fc.property(tables, (table) => {
    assert.deepEqual(parseTable(formatTable(table)), table);
    assert.deepEqual(fromTarget(toTarget(table)), table);
  }));
});

Deno.test("a line of another kind or a damaged one is refused", () => {
  const lines = [
    "",
    "0 8 linear 8:16 0",
    "0 8 remap",
    "0 8 remap 8:16 0 8:32",
    "0 8 remap 8:16 0 8:32 0 x",
    "0 8 remap 8:16 0 8:32 0 8 2 volatile",
    "0 8 remap 8:16 0 8:32 0 8 1 retries",
    "0 8 remap 8:16 0 8:32 0 8 2 pending_policy never",
  ];
  for (const line of lines) assert.throws(() => parseTable(line), ProtocolError, line);
});

Deno.test("any text gives a table or a ProtocolError", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      parseTable(`0 8 remap ${text}`);
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
});

Deno.test("a path that would split the line is not written", () => {
  const table = parseTable("0 8 remap 8:16 0 8:32 0 8");
  for (const main of ["/dev/a b", "/dev/a\n", "/dev/a\\x20b", ""]) {
    assert.throws(() => formatTable({ ...table, main }), UsageError);
  }
});
