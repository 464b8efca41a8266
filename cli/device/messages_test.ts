// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError, UsageError } from "./errors.ts";
import * as messages from "./messages.ts";
import { formatPlaces, parsePlaces, type Place } from "./messages.ts";

const sectors = fc.bigInt({ min: 0n, max: (1n << 54n) - 1n });
const places: fc.Arbitrary<Place> = fc.oneof(
  fc.record(
    {
      sector: sectors,
      count: sectors,
      place: fc.constantFrom("main" as const, "pending" as const),
    },
    { noNullPrototype: true },
  ),
  fc.record({
    sector: sectors,
    count: sectors,
    place: fc.constantFrom("remapped" as const, "lost" as const),
    spareSector: sectors,
  }, { noNullPrototype: true }),
);

Deno.test("messages read as the contract writes them", () => {
  const one = { first: 7n, count: 1n };
  const eight = { first: 200n, count: 8n };
  assert.equal(messages.remapMessage([one]), "remap 7");
  assert.equal(messages.remapMessage([eight]), "remap 200 8");
  assert.equal(messages.remapMessage([one, eight]), "remap 7 1 200 8");
  assert.equal(messages.remapMessage([eight, one, eight]), "remap 7 1 200 8");
  assert.throws(() => messages.remapMessage([]), UsageError);
  assert.equal(messages.unmapMessage(eight, { force: true }), "unmap 200 8 force");
  assert.equal(messages.unmapMessage(one), "unmap 7");
  assert.equal(messages.clearMessage(), "clear");
  assert.equal(messages.clearMessage({ force: true }), "clear force");
  assert.equal(messages.verifyMessage(eight), "verify 200 8");
  assert.equal(messages.entriesMessage(0n, 100), "entries 0 100");
  assert.equal(messages.scanMessage({ start: 0n, end: 99n }), "scan 0 99");
  assert.equal(messages.scanMessage("stop"), "scan stop");
  assert.equal(messages.migrateMessage("8:32"), "migrate 8:32");
  assert.equal(
    messages.migrateMessage("8:32", { start: 8n, length: 64n }),
    "migrate 8:32 8 64",
  );
});

Deno.test("places: formatting and parsing are inverse", () => {
  fc.assert(fc.property(fc.array(places), (list) => {
    assert.deepEqual(parsePlaces(formatPlaces(list)), list);
  }));
});

Deno.test("places: a line that breaks the contract is refused", () => {
  const lines = ["7", "7 1", "7 1 gone", "7 1 remapped", "7 1 main 9", "x 1 main", "7 1 lost y"];
  for (const line of lines) assert.throws(() => parsePlaces(line), ProtocolError, line);
  assert.deepEqual(parsePlaces("\n"), []);
});

Deno.test("counts of remap and unmap", () => {
  assert.deepEqual(messages.parseRemapResult("remapped=8 lost=1\n"), { remapped: 8n, lost: 1n });
  assert.deepEqual(messages.parseUnmapResult("cleared=3 kept=0"), { cleared: 3n, kept: 0n });
  assert.throws(() => messages.parseRemapResult("remapped=8"), /no number lost=/);
  assert.throws(() => messages.parseRemapResult("remapped=8 lost=many"), ProtocolError);
  assert.throws(() => messages.parseRemapResult(""), ProtocolError);
});

Deno.test("statistics keep what is no number", () => {
  const stats = messages.parseStats("reads=18446744073709551615\nstate=idle now\n");
  assert.equal(stats.get("reads"), 18446744073709551615n);
  assert.equal(stats.get("state"), "idle now");
  assert.throws(() => messages.parseStats("nonsense"), ProtocolError);
});
