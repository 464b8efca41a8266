// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { segmentTable } from "./segments.ts";

/** Type and sectors of each line. */
function lines(bad: Parameters<typeof segmentTable>[2]): string[] {
  return segmentTable("/dev/x", 100, bad).map(({ type, start, length, params }) => {
    return `${start}+${length} ${type} ${params}`.trim();
  });
}

Deno.test("a table covers the disk without gaps, whatever is bad", () => {
  assert.deepEqual(lines([]), ["0+100 linear /dev/x 0"]);
  assert.deepEqual(lines([{ first: 10, count: 2 }, { first: 12, count: 1, what: "writes" }]), [
    "0+10 linear /dev/x 0",
    "10+2 error",
    "12+1 flakey /dev/x 12 0 1000000000 1 error_writes",
    "13+87 linear /dev/x 13",
  ]);
  assert.deepEqual(lines([{ first: 0, count: 100 }]), ["0+100 error"]);
  assert.deepEqual(lines([{ first: 99, count: 1, what: "dropped writes" }]), [
    "0+99 linear /dev/x 0",
    "99+1 flakey /dev/x 99 0 1000000000 1 drop_writes",
  ]);
});
