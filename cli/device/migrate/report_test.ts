// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "../errors.ts";
import {
  formatMigration,
  MIGRATION_STATES,
  type MigrationReport,
  parseMigration,
  startMessage,
} from "./report.ts";

const count = fc.bigInt({ min: 0n, max: 1n << 48n });
const reports: fc.Arbitrary<MigrationReport> = fc.record({
  state: fc.constantFrom(...MIGRATION_STATES),
  progressPercent: fc.nat(100),
  copied: count,
  total: count,
  lost: count,
  reason: fc.constantFrom("none", "asked_to", "new_spare"),
}, { noNullPrototype: true });

Deno.test("formatting and parsing are inverse", () => {
  fc.assert(fc.property(reports, (report) => {
    assert.deepEqual(parseMigration(formatMigration(report)), report);
  }));
});

Deno.test("fields of a later module are passed over, damaged replies are refused", () => {
  const line = "migrate=running progress=5% copied=1 total=20 lost=0 reason=none";
  assert.equal(parseMigration(`${line} pass=2\n`).copied, 1n);
  assert.equal(parseMigration(line.replace(" reason=none", "")).reason, "none");
  for (
    const [from, to] of [["running", "walking"], ["5%", "101%"], ["5%", "5"], ["lost=0", ""]]
  ) assert.throws(() => parseMigration(line.replace(from!, to!)), ProtocolError);
});

Deno.test("the message names device and range", () => {
  const target = { spare: "8:32", start: 2048n, length: 4096n };
  assert.equal(startMessage(target), "migrate 8:32 2048 4096");
});
