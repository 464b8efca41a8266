// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { resolveBlockDevice } from "./block_device.ts";
import { type FakeDisk, FakeSystem } from "./fake_system.ts";
import { identitiesOf, identityOf } from "./identity.ts";

function identities(disk: Partial<FakeDisk>, path = "/dev/sda", uuid = ""): string[] {
  const system = new FakeSystem().disk("sda", { number: "8:0", ...disk });
  if (uuid !== "") system.partitionUuids.set(path, uuid);
  return identitiesOf(resolveBlockDevice(path, system), system);
}

const PARTITIONS = [
  { name: "sda1", number: "8:1", start: 64n, sectors: 64n },
  { name: "sda2", number: "8:2", start: 128n, sectors: 64n },
];

Deno.test("each kind of disk says who it is in a place of its own", () => {
  const cases: [Record<string, string>, string[]][] = [
    [{ "device/wwid": "naa.5000c500a1b2c3d4", "device/vpd_pg80": "\0\ufffd\0\x14  Z1F2 \0" }, [
      "wwn:naa.5000c500a1b2c3d4",
      "serial:Z1F2",
    ]],
    [{ wwid: "eui.0025385b21b0c0de", "device/serial": "S3  ", nsid: "2" }, [
      "wwn:eui.0025385b21b0c0de",
      "serial:S3-ns2",
    ]],
    [{ serial: "disk0" }, ["serial:disk0"]],
    [{ "device/wwid": "t10.ATA     QEMU HARDDISK    QM1 " }, ["wwn:t10.ATA_QEMU_HARDDISK_QM1"]],
    [{ "dm/uuid": "LVM-abc" }, ["dm:LVM-abc"]],
    [{ "md/uuid": "1234-5678" }, ["md:1234-5678"]],
    [{ serial: "0000000000", "device/wwid": "naa.0000000000000000" }, []],
    [{ serial: "   " }, []],
    [{}, []],
  ];
  for (const [attributes, expected] of cases) {
    assert.deepEqual(identities({ attributes }), expected);
  }
});

Deno.test("a partition has its disk's identity with its number, and a UUID of its own", () => {
  const disk = { attributes: { serial: "abc" }, partitions: PARTITIONS };
  assert.deepEqual(identities(disk, "/dev/sda2", "11-22"), ["serial:abc-part2", "partuuid:11-22"]);
  assert.deepEqual(identities({ partitions: PARTITIONS }, "/dev/sda2", "11-22"), [
    "partuuid:11-22",
  ]);
  assert.deepEqual(identities({ partitions: PARTITIONS }, "/dev/sda2"), []);
});

Deno.test("what the kernel says of a partition goes before what libblkid finds", () => {
  const system = new FakeSystem().disk("sda", { number: "8:0", partitions: PARTITIONS });
  system.files.set("/sys/devices/sda/sda1/uevent", "DEVNAME=sda1\nPARTUUID=aa-bb\nPARTN=1");
  assert.equal(identityOf(resolveBlockDevice("/dev/sda1", system), system), "partuuid:aa-bb");
});

Deno.test("what is too long for the superblock is told by its hash", () => {
  const [long] = identities({ attributes: { "dm/uuid": `LVM-${"x".repeat(130)}` } });
  assert.match(long ?? "", /^dm:sha256-[0-9a-f]{64}$/);
});
