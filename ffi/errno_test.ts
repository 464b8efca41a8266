// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { constants } from "node:os";
import { errnoName, errnoText } from "./errno.ts";

Deno.test("error numbers agree with the runtime's own table", () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    if (name === "EWOULDBLOCK" || name === "ENOTSUP") continue; // second names of one number
    assert.equal(errnoName(number), name);
  }
});

Deno.test("an unknown number still says which", () => {
  assert.equal(errnoName(4000), "E4000");
  assert.equal(errnoText(4000), "error 4000");
  assert.equal(errnoText(16), "Device or resource busy");
});
