// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { asReport, bootProblems, type Expected, type Report } from "./report.ts";
import { takePrepared } from "./scribble.ts";

const PREPARED = takePrepared("prepare: root 8 16 remapped 96\nprepare: data 0 8 remapped 96\n");

const GOOD: Report = {
  boot: 1,
  root: "/dev/mapper/root",
  data: "/dev/mapper/data",
  root_sums: "good",
  data_sums: "good",
  root_remapped: 24,
  data_remapped: 16,
  root_before: "r0",
  data_before: "d0",
  root_after: "r1",
  data_after: "d1",
  unit: "active",
  by_uuid: "/dev/dm-1",
  mapper: "/dev/dm-1",
  table: "0 8 remap 8:0 0 8:16 0 4096 3 verify_reads retries 2",
  failed: "",
};
const SECOND: Report = { ...GOOD, boot: 2, root_before: "r1", data_before: "d1" };

Deno.test("a machine that came up as it should", () => {
  assert.deepEqual(bootProblems(GOOD, { boot: 1, prepared: PREPARED }), []);
  const expected = { boot: 2, prepared: PREPARED, before: GOOD };
  assert.deepEqual(bootProblems(SECOND, expected), []);
});

Deno.test("whatever is not so is a problem", () => {
  const wrong: [Partial<Report>, RegExp][] = [
    [{ root: "/dev/vda" }, /root is \/dev\/vda/],
    [{ data: "/dev/sda" }, /data is/],
    [{ root_sums: "proof-1: FAILED" }, /root_sums/],
    [{ data_sums: "" }, /data_sums/],
    [{ data_before: "d0" }, /data_before is d0, not d1/],
    [{ root_before: "r0" }, /root_before/],
    [{ root_remapped: 16 }, /root_remapped is 16, not 24/],
    [{ unit: "failed" }, /unit/],
    [{ by_uuid: "/dev/sda" }, /by_uuid/],
    [{ failed: "data.mount" }, /failed/],
    [{ table: "0 8 remap 8:0 0 8:16 0 4096" }, /options of data are gone/],
    [{ boot: 1 }, /boot is 1, not 2/],
  ];
  const expected: Expected = { boot: 2, prepared: PREPARED, before: GOOD };
  for (const [change, words] of wrong) {
    assert.match(bootProblems({ ...SECOND, ...change }, expected).join("\n"), words);
  }
  assert.match(bootProblems(asReport("nonsense"), expected).join(), /did not come up/);
  const few = { ...GOOD, data_remapped: 8 };
  assert.match(bootProblems(few, { boot: 1, prepared: PREPARED }).join(), /data: 8 sectors/);
});
