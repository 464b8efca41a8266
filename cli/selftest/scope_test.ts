// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { CleanupError, Scope } from "./scope.ts";

Deno.test("what was made is taken away, the last thing first", async () => {
  const order: string[] = [];
  {
    await using scope = new Scope();
    scope.defer("a", () => void order.push("a"));
    scope.defer("b", async () => {
      await Promise.resolve();
      order.push("b");
    });
    scope.use("c", { [Symbol.dispose]: () => void order.push("c") });
  }
  assert.deepEqual(order, ["c", "b", "a"]);
});

Deno.test("a failure does not keep the rest from being taken away", async () => {
  const order: string[] = [];
  const scope = new Scope();
  scope.defer("a", () => void order.push("a"));
  scope.defer("b", () => Promise.reject(new Error("stuck")));
  await assert.rejects(() => scope[Symbol.asyncDispose](), (error) => {
    assert.ok(error instanceof CleanupError);
    assert.match(error.message, /left behind: b \(stuck\)/);
    return true;
  });
  assert.deepEqual(order, ["a"]);
});
