// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { sectorNumber, wholeNumber } from "./integers.ts";

Deno.test("whole numbers within bounds", () => {
  assert.equal(wholeNumber()("0"), 0n);
  assert.equal(wholeNumber({ min: 1n, max: 10n })("10"), 10n);
  assert.equal(sectorNumber("36028797018963967"), 2n ** 55n - 1n);
});

Deno.test("anything else is a usage error", () => {
  for (const text of ["", "-1", "1.5", "0x10", "1e3", "007", "10M", "99999999999999999999999"]) {
    assert.throws(() => wholeNumber()(text), InvalidArgumentError, text);
  }
  assert.throws(() => wholeNumber({ min: 1n })("0"), /from 1/);
  assert.throws(() => sectorNumber(`${2n ** 55n}`), InvalidArgumentError);
});
