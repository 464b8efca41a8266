// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { resolveBlockDevice } from "./block_device.ts";
import { HeldError, MountedError } from "./errors.ts";
import { FakeSystem } from "./fake_system.ts";
import { findUse, parseMountinfo, parseSwaps } from "./in_use.ts";

const DISK = {
  number: "8:0",
  partitions: [
    { name: "sda1", number: "8:1", start: 64n, sectors: 512n },
    { name: "sda2", number: "8:2", start: 1024n, sectors: 512n },
  ],
};

function mount(number: string, point: string, source: string): string {
  return `30 1 ${number} / ${point} rw,relatime shared:1 - ext4 ${source} rw`;
}

function use(path: string, system: FakeSystem): Error | undefined {
  return findUse(resolveBlockDevice(path, system), system);
}

Deno.test("a free disk", () => {
  const system = new FakeSystem().disk("sda", DISK).disk("sdb", { number: "8:16" })
    .mounts([mount("8:16", "/other", "/dev/sdb"), "unreadable"]).swaps([]);
  assert.equal(use("/dev/sda", system), undefined);
});

Deno.test("mounted itself", () => {
  const system = new FakeSystem().disk("sda", DISK).mounts([mount("8:0", "/a\\040b", "/dev/sda")]);
  const found = use("/dev/sda", system);
  assert.ok(found instanceof MountedError);
  assert.equal(found.message, "/dev/sda: is mounted on /a b; unmount it first");
});

Deno.test("a whole disk whose partition is mounted", () => {
  const system = new FakeSystem().disk("sda", DISK).mounts([mount("8:2", "/home", "/dev/sda2")]);
  assert.match(use("/dev/sda", system)?.message ?? "", /its partition sda2 is mounted on \/home/);
  assert.equal(use("/dev/sda1", system), undefined, "the neighbour is free");
});

Deno.test("a partition whose disk is mounted", () => {
  const system = new FakeSystem().disk("sda", DISK).mounts([mount("8:0", "/mnt", "/dev/sda")]);
  assert.match(use("/dev/sda1", system)?.message ?? "", /its disk sda is mounted on \/mnt/);
});

Deno.test("swap, also on a partition", () => {
  const system = new FakeSystem().disk("sda", DISK).swaps(["/dev/sda1", "/swapfile"]);
  const found = use("/dev/sda", system);
  assert.ok(found instanceof MountedError);
  assert.match(found.message, /its partition sda1 is used as swap space; swapoff it first/);
});

Deno.test("btrfs, whose mounts have a number of their own", () => {
  const system = new FakeSystem().disk("sda", DISK).mounts([mount("0:35", "/data", "/dev/sda1")]);
  assert.match(use("/dev/sda1", system)?.message ?? "", /is mounted on \/data/);
});

Deno.test("held by a driver, and what is on top of that", () => {
  const held = new FakeSystem().disk("dm-0", { number: "253:0", dmName: "vg-root" })
    .disk("sda", { ...DISK, holders: ["dm-0"] });
  const found = use("/dev/sda", held);
  assert.ok(found instanceof HeldError);
  assert.match(found.message, /is held by dm-0 \(vg-root\); stop what holds it/);

  const stacked = new FakeSystem().disk("dm-1", { number: "253:1", dmName: "crypt" })
    .disk("md0", { number: "9:0", holders: ["dm-1"] })
    .disk("sda", { number: "8:0", partitions: [{ ...DISK.partitions[0]!, holders: ["md0"] }] })
    .mounts([mount("253:1", "/", "/dev/mapper/crypt")]);
  const root = use("/dev/sda", stacked);
  assert.ok(root instanceof MountedError);
  assert.match(
    root.message,
    /its partition sda1 is held by dm-1 \(crypt\), which is mounted on \//,
  );
});

Deno.test("a use that only the kernel knows", () => {
  const system = new FakeSystem().disk("sda", DISK);
  system.busy.add("/dev/sda");
  assert.ok(use("/dev/sda", system) instanceof HeldError);
});

Deno.test("swaps and mounts with blanks in them", () => {
  assert.deepEqual(parseSwaps("Filename\tType\n/dev/a\\040b   partition\t1\n"), ["/dev/a b"]);
  assert.deepEqual(parseMountinfo(mount("8:1", "/x\\011y", "/dev/z")), [
    { number: "8:1", mountPoint: "/x\ty", source: "/dev/z" },
  ]);
});

Deno.test("no text makes the parsers fail", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    parseMountinfo(text);
    parseSwaps(text);
  }));
});
