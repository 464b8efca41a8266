// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { type Ended, isGreen, judgeMutant, noticedBy } from "./judge.ts";

const ended = (output: string, code = 1, timedOut = false): Ended => ({ output, code, timedOut });
const verdict = (caughtBy: string, end: Ended) => judgeMutant({ caughtBy }, end).verdict;

Deno.test("caught by the test that was to notice, and by no other", () => {
  const output = "[1 s] FAILED remap: promise 4\n1 passed, 1 failed\n";
  assert.deepEqual(judgeMutant({ caughtBy: "remap" }, ended(output)), {
    verdict: "caught",
    by: "remap: promise 4",
  });
  assert.equal(verdict("unmap", ended(output)), "caught otherwise");
  assert.equal(noticedBy({ caughtBy: "unmap" }, output), undefined);
});

Deno.test("ended early: its code and its sum do not matter", () => {
  assert.equal(verdict("remap", ended("[1 s] FAILED remap: promise 4\n", 143)), "caught");
});

Deno.test("all passed: it has survived, however much was said", () => {
  assert.equal(verdict("remap", ended("remap: passed\n9 passed, 0 failed\n", 0)), "survived");
});

Deno.test("a failure without a test's name is none that counts", () => {
  assert.equal(verdict("remap", ended("2 passed, 0 failed\n")), "caught otherwise");
  assert.equal(verdict("remap", ended("", 0)), "caught otherwise");
});

Deno.test("what does not build has shown nothing", () => {
  const kernel = "[4 s] FAILED the module does not build for 6.1 (make ended with 2)";
  assert.equal(verdict("remap", ended(kernel)), "does not build");
  assert.equal(verdict("remap", ended("error: Type checking failed.\n")), "does not build");
});

Deno.test("time: only a mutant that is to hang may take it", () => {
  assert.equal(verdict("timeout", ended("booting\n", 143, true)), "caught");
  assert.equal(verdict("remap", ended("booting\n", 143, true)), "took too long");
  assert.equal(verdict("timeout", ended("1 passed, 0 failed\n", 0)), "survived");
  const failed = "[1 s] FAILED remap: EIO\n";
  assert.equal(verdict("timeout", ended(failed, 143, true)), "caught otherwise");
  assert.equal(verdict("remap", ended(failed, 143, true)), "caught");
});

Deno.test("the kernel's own checks", () => {
  const output =
    "[9 s] FAILED the guest: the guest's kernel complained:\nBUG: KASAN: use-after-free";
  assert.equal(judgeMutant({ caughtBy: "kernel log" }, ended(output)).verdict, "caught");
  assert.equal(verdict("kernel log", ended("[1 s] FAILED a kernel log: EIO")), "caught otherwise");
});

Deno.test("a baseline is green if something passed and nothing failed, in time", () => {
  assert.equal(isGreen(ended("3 passed, 0 failed\n", 0)), true);
  assert.equal(isGreen(ended("3 passed, 0 failed\n", 1)), false);
  assert.equal(isGreen(ended("2 passed, 1 failed\n", 1)), false);
  assert.equal(isGreen(ended("0 passed, 0 failed\n", 0)), false);
  assert.equal(isGreen(ended("3 passed, 0 failed\n", 0, true)), false);
});
