// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "./errors.ts";
import {
  formatStatus,
  HEALTH_STATES,
  isDegraded,
  parseStatus,
  type RemapStatus,
} from "./status_line.ts";

const LINE = "remapped=5 lost=2 spare_used=7/102400 (0%) write_errors=12 read_errors=3 " +
  "auto_remaps=5 manual_remaps=2 health=good scan_progress=50% pending=1 spare_bad=0 " +
  "verify_errors=0 transport_errors=4 mode=rw";

const count = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const percent = fc.integer({ min: 0, max: 100 });
const statuses: fc.Arbitrary<RemapStatus> = fc.record({
  remapped: count,
  lost: count,
  spareUsed: count,
  spareTotal: count,
  spareUsedPercent: percent,
  writeErrors: count,
  readErrors: count,
  autoRemaps: count,
  manualRemaps: count,
  health: fc.constantFrom(...HEALTH_STATES),
  scanProgressPercent: percent,
  pending: count,
  spareBad: count,
  verifyErrors: count,
  transportErrors: count,
  mode: fc.constantFrom("rw", "ro", "fail"),
  migration: fc.constantFrom("none", "running", "done", "stopped", "failed"),
  migrationPercent: percent,
  extra: fc.uniqueArray(
    fc.tuple(fc.stringMatching(/^x_[a-z0-9]{1,8}$/), fc.stringMatching(/^[a-z0-9/%.-]{0,8}$/)),
    { selector: ([key]) => key, maxLength: 4 },
  ).map((pairs) => new Map(pairs)),
}, {
  noNullPrototype: true,
  requiredKeys: [
    "remapped",
    "lost",
    "spareUsed",
    "spareTotal",
    "spareUsedPercent",
    "writeErrors",
    "readErrors",
    "autoRemaps",
    "manualRemaps",
    "health",
    "scanProgressPercent",
    "extra",
  ],
});

Deno.test("the line of the contract", () => {
  const status = parseStatus(LINE);
  assert.equal(status.remapped, 5n);
  assert.equal(status.spareUsed, 7n);
  assert.equal(status.spareTotal, 102400n);
  assert.equal(status.scanProgressPercent, 50);
  assert.equal(status.transportErrors, 4n);
  assert.equal(status.mode, "rw");
  assert.equal(status.extra.size, 0);
  assert.equal(formatStatus(status), LINE);
});

Deno.test("formatting and parsing are inverse", () => {
  fc.assert(fc.property(statuses, (status) => {
    assert.deepEqual(parseStatus(formatStatus(status)), status);
  }));
});

Deno.test("keys of a later module are kept", () => {
  const status = parseStatus(`${LINE} generation=9 uuid=ab-cd`);
  assert.deepEqual([...status.extra], [["generation", "9"], ["uuid", "ab-cd"]]);
});

Deno.test("a migration is at the end of the line, where there is one", () => {
  const line = `${LINE} generation=9 migrate=running migrate_progress=40%`;
  const status = parseStatus(line);
  assert.deepEqual([status.migration, status.migrationPercent], ["running", 40]);
  assert.equal(formatStatus(status), line);
  assert.deepEqual([...status.extra.keys()], ["generation"]);
  assert.equal("migration" in parseStatus(LINE), false);
  assert.throws(() => parseStatus(`${LINE} migrate_progress=x`), /migrate_progress=x/);
});

Deno.test("a damaged status is refused and says where", () => {
  assert.throws(() => parseStatus(""), /lacks remapped=/);
  assert.throws(() => parseStatus(LINE.replace("lost=2 ", "")), /lacks lost=/);
  assert.throws(() => parseStatus(LINE.replace("7/102400 (0%)", "7")), /spare_used=7/);
  assert.throws(() => parseStatus(LINE.replace("good", "splendid")), /unknown health "splendid"/);
  assert.throws(() => parseStatus(`${LINE} mode=ro`), /mode twice/);
  assert.throws(() => parseStatus("Fail"), ProtocolError);
});

Deno.test("any text gives a status or a ProtocolError", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      parseStatus(text);
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
});

Deno.test("degraded: below warning, or sectors lost", () => {
  const status = { ...parseStatus(LINE), lost: 0n };
  assert.deepEqual(
    HEALTH_STATES.map((health) => isDegraded({ ...status, health })),
    [false, false, true, true, true],
  );
  assert.equal(isDegraded({ ...status, lost: 1n }), true);
});
