// SPDX-License-Identifier: GPL-2.0-only
// What holds for every JSON document: its version, the names of its keys, and how numbers look.
import assert from "node:assert/strict";

/** Below these keys others are named by the kernel, by a module, or by whoever took a snapshot. */
const FREE = new Set(["counters", "extra", "parameters", "stats"]);
const KEY = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
/** These count in base units, so they are whole. */
const WHOLE = /_(sectors|bytes|percent|ms|s)$/;
const LARGE = /^-?\d{16,}$/;
const LARGEST_EXACT = 2n ** 53n;

/** @throws {assert.AssertionError} */
export function checkDocument(value: unknown): void {
  assert.ok(typeof value === "object" && value !== null && !Array.isArray(value), "no object");
  const [first] = Object.keys(value);
  assert.equal(first, "schema_version", "schema_version is not the first key");
  assert.equal(Object.values(value)[0], 1);
  walk(value, "", false);
}

function walk(value: unknown, path: string, isFree: boolean): void {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) walk(each, `${path}[${index}]`, false);
    return;
  }
  if (typeof value === "number") {
    // A figure that was measured has a unit beside it.
    assert.ok(
      path.endsWith(".value") || Number.isSafeInteger(value),
      `${path}: ${value} is no exact integer`,
    );
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    const at = `${path}.${key}`;
    if (!isFree) assert.match(key, KEY, `${at} is no name for a key`);
    if (WHOLE.test(key)) checkWhole(each, at);
    walk(each, at, FREE.has(key));
  }
}

/** A number, or a string of what most readers would round; never both for one size. */
function checkWhole(value: unknown, at: string): void {
  if (value === null || typeof value === "number") return;
  assert.ok(typeof value === "string" && LARGE.test(value), `${at}: ${value} is no integer`);
  const size = BigInt(value);
  assert.ok(size > LARGEST_EXACT || size < -LARGEST_EXACT, `${at}: ${value} fits into a number`);
}
