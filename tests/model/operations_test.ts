// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { FAULT_KINDS } from "./faults.ts";
import { formatSequence, parseOperation, parseSequence } from "./operations.ts";
import { operationsOn } from "./sequences.ts";

const rules = { faults: FAULT_KINDS, deaths: true, scans: true };
const geometry = { sectors: 6001, unit: 1, spareStart: 77, slots: 333, maxRemaps: 0, rules };

Deno.test("a sequence and its text are the same thing", () => {
  fc.assert(fc.property(
    fc.stringMatching(/^[a-z0-9-]{1,12}$/),
    fc.nat(),
    fc.array(operationsOn(geometry)),
    (variant, seed, operations) => {
      const sequence = { variant, seed, operations };
      assert.deepEqual(parseSequence(formatSequence(sequence)), sequence);
    },
  ));
});

Deno.test("ranges stay on the device, and are whole blocks", () => {
  const blocks = { ...geometry, sectors: 4096, unit: 8, slots: 256 };
  fc.assert(fc.property(operationsOn(blocks), (operation) => {
    const ranges = "ranges" in operation
      ? operation.ranges
      : "range" in operation
      ? [operation.range]
      : [];
    for (const { first, count } of ranges) {
      assert.ok(count > 0 && first >= 0 && first + count <= 4096);
      assert.equal(first % 8 + count % 8, 0);
    }
  }));
});

Deno.test("comments are allowed, nonsense is not", () => {
  const text = "variant v # which\nseed 3\n# nothing\nread 1 2\n";
  assert.deepEqual(parseSequence(text).operations, [{ op: "read", range: { first: 1, count: 2 } }]);
  for (
    const line of [
      "jump 1 2",
      "read",
      "read 1",
      "read a b",
      "fault main 1 2",
      "heal 1",
      "dead main",
      "remap 1 2 3",
    ]
  ) {
    assert.throws(() => parseOperation(line), SyntaxError, line);
  }
  assert.throws(() => parseSequence("read 1 2"), SyntaxError);
});
