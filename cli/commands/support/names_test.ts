// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { UsageError } from "../../device/errors.ts";
import { deviceName } from "./names.ts";

Deno.test("a name stands for itself, with or without its folder", () => {
  assert.equal(deviceName("r0"), "r0");
  assert.equal(deviceName("/dev/mapper/r0"), "r0");
  assert.equal(deviceName("vg-data+old.1"), "vg-data+old.1");
});

Deno.test("paths and what no device can be called are refused", () => {
  const bad = [
    "/tmp",
    "/dev/sda",
    "a/b",
    "",
    ".",
    "..",
    "a b",
    "a\n",
    "x".repeat(128),
    "/dev/mapper/",
  ];
  for (const typed of bad) {
    assert.throws(() => deviceName(typed), UsageError, JSON.stringify(typed));
  }
});
