// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { deviceMapperReasons, textOfRecord } from "./kernel_log.ts";

Deno.test("a record's text is between the semicolon and the properties", () => {
  assert.equal(textOfRecord("6,339,5140900,-;a; b\n SUBSYSTEM=block\n"), "a; b");
  assert.equal(textOfRecord("no record"), undefined);
});

Deno.test("reasons: the device's own lines, without core's summary", () => {
  const lines = [
    "sda: I/O error",
    "device-mapper: table: 253:0: linear: Invalid argument count (-EINVAL)",
    "device-mapper: table: 253:1: remap: unknown argument (-EINVAL)",
    "device-mapper: ioctl: error adding target to table",
  ];
  assert.deepEqual(deviceMapperReasons(lines, ["disk", "253:1"]), [
    "table: 253:1: remap: unknown argument (-EINVAL)",
  ]);
  assert.equal(deviceMapperReasons(lines, ["other"]).length, 2);
  assert.deepEqual(deviceMapperReasons(lines.slice(0, 1), ["other"]), []);
});
