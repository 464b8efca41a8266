// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { guestFailure, type GuestResult } from "./guest.ts";
import { LineSplitter } from "./guest_port.ts";

const GOOD: GuestResult = {
  exitCode: 0,
  records: [],
  stdout: "",
  kernelLog: "boot\n",
  complaints: [],
  timedOut: false,
  seconds: 1,
};

Deno.test("a run fails by its program, its kernel, its death or its time", () => {
  assert.equal(guestFailure(GOOD), undefined);
  assert.match(guestFailure({ ...GOOD, exitCode: 3 }) ?? "", /exited with 3/);
  assert.match(guestFailure({ ...GOOD, exitCode: null }) ?? "", /died:\nboot/);
  assert.match(guestFailure({ ...GOOD, timedOut: true, exitCode: null }) ?? "", /in time/);
  const complaints = ["BUG: a", "BUG: b"];
  assert.match(guestFailure({ ...GOOD, complaints }) ?? "", /complained \(and 1 more\):\nBUG: a/);
});

Deno.test("lines are put together again from pieces", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const piece of ["a", "b\nc\n\nd", "e"]) splitter.push(piece);
  assert.deepEqual(lines, ["ab", "c", ""]);
  splitter.end();
  assert.deepEqual(lines, ["ab", "c", "", "de"]);
});
