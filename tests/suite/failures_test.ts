// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { failureLines, failuresInJunit } from "./failures.ts";

Deno.test("what says that something failed, with what follows, and nothing that passed", () => {
  const output = [
    "plain: passed",
    "a failed read is an error ... ok (3ms)",
    "proactive: 834 operations",
    "[16 s] FAILED proactive: promise 1, an acknowledged write is readable",
    "sector 5 reads write 3",
    "18 passed, 1 failed",
    "others: 3 passed, 0 failed",
  ].join("\n");
  assert.deepEqual(failureLines(output), [
    "[16 s] FAILED proactive: promise 1, an acknowledged write is readable",
    "sector 5 reads write 3",
    "18 passed, 1 failed",
  ]);
});

Deno.test("colours do not hide it, and no more than a few lines are kept", () => {
  const output = Array.from({ length: 100 }, (_, i) => `\x1b[31merror\x1b[0m: number ${i}`);
  const lines = failureLines(output.join("\n"));
  assert.equal(lines.length, 14);
  assert.equal(lines.at(-1), "error: number 99");
});

Deno.test("if nothing says what failed: the end", () => {
  assert.deepEqual(failureLines("one\n\ntwo\n"), ["one", "two"]);
});

Deno.test("JUnit: cases that failed or were skipped, with their reasons", () => {
  const xml = `<testsuites tests="4" failures="1" skipped="2">
    <testcase classname="6.1.errors" name="part 1" time="0.1"/>
    <testcase classname="6.1.errors" name="a &lt; b" time="0.1"><failure message="EIO &amp; more">x</failure></testcase>
    <testcase classname="6.1.scan" name="c" time="0.1"><skipped message="not here: no dust">y</skipped></testcase>
    <testcase classname="6.1.scan" name="d" time="0.1"><skipped message="no fio">z</skipped></testcase>
  </testsuites>`;
  assert.deepEqual(failuresInJunit(xml), [
    "6.1.errors a < b: EIO & more",
    "6.1.scan d: no fio",
  ]);
});
