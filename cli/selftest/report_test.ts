// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { SelftestEvent } from "./events.ts";
import { formatJunit } from "./junit.ts";
import { countCases, hasPassed, RunRecorder } from "./report.ts";
import { BAD_RUN, GOOD_RUN } from "./report_fixture.ts";
import { reportFields } from "./report_json.ts";
import { formatReport } from "./report_text.ts";

const START: SelftestEvent = { event: "run", release: "6.1.0", seed: 1, stages: ["a", "b"] };
const CASE = { stage: "a", step: "s", name: "n" } as const;

function record(events: readonly SelftestEvent[], trouble?: string) {
  const recorder = new RunRecorder("6.1", "guest", 1, ["a", "b"]);
  for (const event of events) recorder.take(event);
  return recorder.finish({ seconds: 1, trouble });
}

Deno.test("a run that passed", () => {
  const run = record([
    START,
    { event: "stage", stage: "a" },
    { event: "case", ...CASE },
    { event: "case-end", ...CASE, outcome: "passed", ms: 2 },
    { event: "stage-end", stage: "a", outcome: "passed", ms: 3 },
    { event: "stage-end", stage: "b", outcome: "passed", ms: 3 },
    { event: "end" },
  ]);
  assert.ok(hasPassed(run));
  assert.deepEqual(countCases([run]), { passed: 2, failed: 0, skipped: 0 });
});

Deno.test("a run that was cut off names what was running, and what never ran", () => {
  const run = record([START, { event: "stage", stage: "a" }, { event: "case", ...CASE }]);
  assert.ok(!hasPassed(run));
  const [a, b] = run.stages;
  assert.equal(a?.outcome, "failed");
  assert.deepEqual(a?.cases.map(({ name, outcome }) => [name, outcome]), [["n", "failed"]]);
  assert.equal(b?.outcome, "skipped");
  assert.match(run.trouble ?? "", /before all its stages/);
});

Deno.test("a skipped stage, a complaint or trouble fails the run", () => {
  const passed: SelftestEvent[] = [
    START,
    { event: "stage-end", stage: "a", outcome: "passed", ms: 3 },
    { event: "stage-end", stage: "b", outcome: "passed", ms: 3 },
    { event: "end" },
  ];
  assert.ok(hasPassed(record(passed)));
  assert.ok(!hasPassed(record(passed, "the guest died")));
  assert.ok(!hasPassed(record([...passed, { event: "complaint", text: "BUG: x" }])));
  const skipped = { event: "stage-end", stage: "b", outcome: "skipped", ms: 0 } as const;
  assert.ok(!hasPassed(record([START, ...passed.slice(1, 2), skipped, { event: "end" }])));
});

Deno.test("the report for people shows reasons and the sum", () => {
  const text = formatReport([GOOD_RUN, BAD_RUN]);
  assert.match(text, /kernel 6\.1\.0-1-amd64, in a virtual machine: passed in 10\.0 s \(seed 7\)/);
  assert.match(text, /functional +passed +1\.5 s +1 of 1 cases passed/);
  assert.match(text, /speed +12\.35 MiB\/s|speed +12\.34 MiB\/s/);
  assert.match(text, /failed: a < b\n +x\n +expected: 1/);
  assert.match(text, /files +skipped +0\.0 s +no mkfs/);
  assert.match(text, /BUG: bad/);
  assert.match(text, /the guest died/);
  assert.equal(text.split("\n").at(-1), "2 passed, 3 failed, 1 skipped");
});

Deno.test("the JSON fields say the same", () => {
  const fields = reportFields([BAD_RUN]);
  assert.equal(fields["passed"], false);
  assert.deepEqual(fields["counts"], { passed: 1, failed: 3, skipped: 1 });
  assert.doesNotThrow(() => JSON.stringify(fields));
});

Deno.test("the JUnit report counts as the others do, and is XML", () => {
  const xml = formatJunit([GOOD_RUN, BAD_RUN]);
  assert.match(xml, /<testsuites name="dmremap-ts selftest" tests="6" failures="3" skipped="1"/);
  assert.match(xml, /<testsuite name="debug\.functional" tests="2" failures="1" skipped="0"/);
  assert.match(xml, /name="3 ping: pong" time="0\.020"\/>/);
  assert.match(xml, /name="a &lt; b"/);
  assert.match(xml, /<skipped message="no mkfs">/);
  assert.match(xml, /BUG: bad\? thing/);
  assert.equal(xml.match(/<testcase /g)?.length, 6);
  assert.equal(xml.match(/<failure /g)?.length, 3);
});
