// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { countsInJunit, countsInOutput, judge, sum } from "./counts.ts";

Deno.test("summaries: our own, deno test's, the last one of several", () => {
  assert.deepEqual(countsInOutput("3 passed, 1 failed\n"), { passed: 3, failed: 1 });
  assert.deepEqual(countsInOutput("ok | 12 passed | 0 failed (3s)"), { passed: 12, failed: 0 });
  assert.deepEqual(countsInOutput("FAILED | 7 passed (2 steps) | 1 failed (1 step) | 2 ignored"), {
    passed: 7,
    failed: 1,
  });
  assert.deepEqual(countsInOutput("1 passed, 1 failed\n2 passed, 0 failed"), {
    passed: 2,
    failed: 0,
  });
  assert.equal(countsInOutput("nothing of the kind"), undefined);
});

Deno.test("JUnit: the sums of the root, with skipped counted as failed", () => {
  const xml = `<?xml version="1.0"?>
<testsuites name="x" tests="10" failures="1" errors="1" skipped="2" time="1.0">
<testsuite name="a" tests="10" failures="9">`;
  assert.deepEqual(countsInJunit(xml), { passed: 6, failed: 4 });
  assert.deepEqual(countsInJunit(`<testsuites tests="3" failures="0">`), { passed: 3, failed: 0 });
  assert.equal(countsInJunit(""), undefined);
});

Deno.test("JUnit: what this kernel does not have is no case, any other reason to skip is a failure", () => {
  const skipped = (why: string) =>
    `<testcase><skipped message="${why}">${why}</skipped></testcase>`;
  const xml = `<testsuites tests="5" failures="0" skipped="2">
${skipped("not here: this kernel has no dm-dust")}${skipped("fio is not installed")}`;
  assert.deepEqual(countsInJunit(xml), { passed: 3, failed: 1 });
});

Deno.test("no counts, no tests and a bad exit code are failures", () => {
  assert.deepEqual(judge({ passed: 3, failed: 0 }, 0), { passed: 3, failed: 0 });
  assert.deepEqual(judge({ passed: 3, failed: 2 }, 1), { passed: 3, failed: 2 });
  assert.deepEqual(judge({ passed: 3, failed: 0 }, 1), { passed: 3, failed: 1 });
  assert.deepEqual(judge({ passed: 0, failed: 0 }, 0), { passed: 0, failed: 1 });
  assert.deepEqual(judge(undefined, 0), { passed: 0, failed: 1 });
});

Deno.test("counts add up", () => {
  assert.deepEqual(sum([{ passed: 1, failed: 2 }, { passed: 3, failed: 4 }]), {
    passed: 4,
    failed: 6,
  });
  assert.deepEqual(sum([]), { passed: 0, failed: 0 });
});
