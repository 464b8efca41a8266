// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { resolveBlockDevice, shareSectors } from "./block_device.ts";
import { DeviceNotFoundError, NotBlockDeviceError, PermissionError } from "./errors.ts";
import { FakeSystem } from "./fake_system.ts";
import { splitDevT } from "./system.ts";

Deno.test("a disk, by path and by number", () => {
  const system = new FakeSystem().disk("sda", { number: "8:0", sectors: 4096n, blockSize: 4096 });
  const expected = {
    path: "/dev/sda",
    node: "/dev/sda",
    major: 8,
    minor: 0,
    number: "8:0",
    sizeSectors: 4096n,
    logicalBlockSectors: 8n,
    readOnly: false,
    disk: "8:0",
    diskStart: 0n,
  };
  assert.deepEqual(resolveBlockDevice("/dev/sda", system), expected);
  assert.deepEqual(resolveBlockDevice("8:0", system), { ...expected, path: "8:0" });
});

Deno.test("a partition knows its disk, and has its block size", () => {
  const system = new FakeSystem().disk("sda", {
    number: "8:0",
    blockSize: 4096,
    partitions: [{ name: "sda2", number: "8:2", start: 1024n, sectors: 512n }],
  });
  const device = resolveBlockDevice("/dev/sda2", system);
  assert.equal(device.disk, "8:0");
  assert.equal(device.diskStart, 1024n);
  assert.equal(device.logicalBlockSectors, 8n);
});

Deno.test("what is no block device is refused, with a way on", () => {
  const system = new FakeSystem();
  const node = (kind: "directory" | "file" | "character") => ({ kind, major: 0, minor: 0 });
  system.nodes.set("/tmp", node("directory"));
  system.nodes.set("/tmp/my disk.img", node("file"));
  system.nodes.set("/dev/null", node("character"));
  system.nodes.set("/root/x", "EACCES");
  assert.throws(
    () => resolveBlockDevice("/tmp", system),
    (error) => error instanceof NotBlockDeviceError && /\/tmp: is a directory/.test(error.message),
  );
  assert.throws(
    () => resolveBlockDevice("/tmp/my disk.img", system),
    /regular file.*losetup --find --show '\/tmp\/my disk.img'/,
  );
  assert.throws(() => resolveBlockDevice("/dev/null", system), /character device/);
  assert.throws(() => resolveBlockDevice("/dev/none", system), DeviceNotFoundError);
  assert.throws(() => resolveBlockDevice("9:9", system), DeviceNotFoundError);
  assert.throws(() => resolveBlockDevice("/root/x", system), PermissionError);
});

Deno.test("glibc's device numbers", () => {
  assert.deepEqual(splitDevT(0x801n), { major: 8, minor: 1 });
  assert.deepEqual(splitDevT(0xfd00n | (1n << 20n)), { major: 253, minor: 256 });
});

Deno.test("ranges of partitions meet where they do on their disk", () => {
  const at = (diskStart: bigint, disk = "8:0") => ({ disk, diskStart });
  const range = (device: { disk: string; diskStart: bigint }, start: bigint, length: bigint) => ({
    device,
    start,
    length,
  });
  const main = range(at(4096n), 100n, 1000n);
  const cases: [ReturnType<typeof range>, boolean][] = [
    [range(at(2048n), 0n, 2148n), false],
    [range(at(2048n), 0n, 2149n), true],
    [range(at(2048n), 2147n, 1n), false],
    [range(at(4096n), 1100n, 8n), false],
    [range(at(4096n), 1099n, 8n), true],
    [range(at(0n), 0n, 9000n), true],
    [range(at(0n), 5196n, 8n), false],
    [range(at(2048n, "8:16"), 0n, 9000n), false],
  ];
  for (const [other, meet] of cases) {
    assert.equal(shareSectors(main, other), meet, `${other.device.diskStart}+${other.start}`);
    assert.equal(shareSectors(other, main), meet, `${other.device.diskStart}+${other.start}`);
  }
});
