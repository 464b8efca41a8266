// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { devicePath } from "./device_paths.ts";

Deno.test("disks, dm devices, and what is gone", () => {
  const sysfs = Deno.makeTempDirSync();
  try {
    const disk = join(sysfs, "dev/block/8:1");
    const mapped = join(sysfs, "dev/block/253:0");
    Deno.mkdirSync(disk, { recursive: true });
    Deno.writeTextFileSync(join(disk, "uevent"), "MAJOR=8\nDEVNAME=sda1\nDEVTYPE=partition\n");
    Deno.mkdirSync(join(mapped, "dm"), { recursive: true });
    Deno.writeTextFileSync(join(mapped, "dm/name"), "vg-data\n");
    Deno.writeTextFileSync(join(mapped, "uevent"), "DEVNAME=dm-0\n");
    assert.equal(devicePath("8:1", sysfs), "/dev/sda1");
    assert.equal(devicePath("253:0", sysfs), "/dev/mapper/vg-data");
    assert.equal(devicePath("8:2", sysfs), "8:2");
    assert.equal(devicePath("/dev/sdb", sysfs), "/dev/sdb");
  } finally {
    Deno.removeSync(sysfs, { recursive: true });
  }
});
