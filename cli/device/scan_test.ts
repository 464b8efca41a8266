// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError, UsageError } from "./errors.ts";
import {
  formatScan,
  isUnderWay,
  parseScan,
  SCAN_STATES,
  type ScanReport,
  startScanMessage,
} from "./scan.ts";

const sector = fc.bigInt({ min: 0n, max: (1n << 55n) - 1n });
const scans: fc.Arbitrary<ScanReport> = fc.record({
  state: fc.constantFrom(...SCAN_STATES),
  progressPercent: fc.integer({ min: 0, max: 100 }),
  places: fc.tuple(sector, sector, sector).map((three) =>
    three.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0)
  ),
  errors: sector,
  yields: sector,
}).map(({ places: [start, position, end], ...rest }) => ({
  ...rest,
  start: start!,
  position: position!,
  end: end!,
}));

Deno.test("the reply of the contract", () => {
  const scan = parseScan("scan=done progress=100% start=8 end=15 position=16 errors=2 yields=3");
  assert.deepEqual(scan, {
    state: "done",
    progressPercent: 100,
    start: 8n,
    end: 15n,
    position: 16n,
    errors: 2n,
    yields: 3n,
  });
  assert.equal(isUnderWay(scan), false);
  assert.ok(isUnderWay({ ...scan, state: "running" }));
  assert.ok(isUnderWay({ ...scan, state: "paused" }));
});

Deno.test("what is printed reads the same again, whatever later versions add", () => {
  fc.assert(fc.property(scans, fc.constantFrom("", " speed=5", "\nby=patrol"), (scan, more) => {
    assert.deepEqual(parseScan(formatScan(scan) + more), scan);
  }));
});

Deno.test("a reply that lacks a field, or has it otherwise, is refused", () => {
  const whole = "scan=running progress=50% start=0 end=99 position=50 errors=0 yields=0";
  for (const field of whole.split(" ")) {
    const key = field.split("=")[0]!;
    assert.throws(() => parseScan(whole.replace(field, "")), ProtocolError, key);
    assert.throws(() => parseScan(whole.replace(field, `${key}=-1`)), ProtocolError, key);
    assert.throws(() => parseScan(whole.replace(field, `${key}=x`)), ProtocolError, key);
  }
  assert.throws(() => parseScan(whole.replace("50%", "101%")), ProtocolError);
  assert.throws(() => parseScan(whole.replace("position=50", "position=101")), ProtocolError);
  assert.throws(() => parseScan(whole.replace("start=0", "start=51")), ProtocolError);
  assert.throws(() => parseScan(""), ProtocolError);
});

Deno.test("any text is read or refused, never anything else", () => {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "scan=idle",
      "progress=3%",
      "start=1",
      "end=2",
      "position=1",
      "errors=0",
      "yields=0",
    ),
  );
  fc.assert(fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
    try {
      const scan = parseScan(parts.join(" "));
      assert.ok(scan.start <= scan.position && scan.position <= scan.end + 1n);
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
});

Deno.test("a scan has a first and a last sector inside the device", () => {
  assert.equal(startScanMessage(100n), "scan 0 99");
  assert.equal(startScanMessage(100n, { first: 10n, count: 5n }), "scan 10 14");
  assert.equal(startScanMessage(100n, { first: 99n, count: 1n }), "scan 99 99");
  assert.throws(() => startScanMessage(100n, { first: 99n, count: 2n }), UsageError);
  assert.throws(() => startScanMessage(100n, { first: 100n, count: 1n }), UsageError);
});
