// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { failedTests } from "./failed_tests.ts";

Deno.test("deno test: tests and steps, with colours or without", () => {
  const output = [
    "a codec keeps what it was given ... ok (3ms)",
    "\x1b[0m\x1b[38;5;245ma failed read is an error ...\x1b[0m \x1b[0m\x1b[31mFAILED\x1b[0m (3ms)",
    "  a step of it ... FAILED (due to 1 failed step) (1ms)",
    "FAILED | 7 passed (2 steps) | 1 failed",
  ].join("\r\n");
  assert.deepEqual(failedTests(output), ["a failed read is an error", "a step of it"]);
});

Deno.test("the selftest, while it runs", () => {
  const output = [
    "functional: FAILED 5 relocated: reads come from the spare: EIO",
    "functional: failed (1.2 s, 9 cases, 1 of them not passed)",
  ].join("\n");
  assert.deepEqual(failedTests(output), [
    "functional: FAILED 5 relocated: reads come from the spare: EIO",
  ]);
});

Deno.test("what runs in a guest of its own: once, though told twice", () => {
  const output = [
    "[3 s] plain: 40/900 operations",
    "[16 s] FAILED plain: promise 1, an acknowledged write is readable",
    "sector 5 reads write 3",
    "[17 s] FAILED plain: promise 1, an acknowledged write is readable",
    "18 passed, 1 failed",
  ].join("\n");
  assert.deepEqual(failedTests(output), [
    "plain: promise 1, an acknowledged write is readable",
  ]);
});

Deno.test("documents and boots", () => {
  assert.deepEqual(failedTests("ok   a page\nFAIL  another page\n      why\n"), ["another page"]);
});

Deno.test("what the kernel says, from whoever tells it", () => {
  const own = "the kernel complained: BUG: sleeping function";
  const guest = "[9 s] the guest's kernel complained (and 2 more):\nWARNING: suspicious RCU usage";
  assert.deepEqual(failedTests(`${own}\n${guest}\n`), [
    "kernel log: BUG: sleeping function",
    "kernel log: WARNING: suspicious RCU usage",
  ]);
  assert.deepEqual(failedTests(`[9 s] FAILED the guest: ${guest.slice(6)}`), [
    "kernel log: WARNING: suspicious RCU usage",
  ]);
});

Deno.test("nothing of what passed", () => {
  assert.deepEqual(
    failedTests("plain: passed\n3 passed, 0 failed\nerror paths ... ok (1ms)\n"),
    [],
  );
});
