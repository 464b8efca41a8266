// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "../../ffi/errors.ts";
import { type CreateOptions, type CreatePlan, planCreate } from "./create_plan.ts";
import * as errors from "./errors.ts";
import { FakeSystem } from "./fake_system.ts";

const OPTIONS: CreateOptions = {
  name: "r0",
  main: "/dev/sda",
  spare: "/dev/sdb",
  features: { volatile: true },
};

function machine(): FakeSystem {
  return new FakeSystem()
    .disk("sda", {
      number: "8:0",
      sectors: 8192n,
      partitions: [
        { name: "sda1", number: "8:1", start: 64n, sectors: 1024n },
        { name: "sda2", number: "8:2", start: 2048n, sectors: 1024n },
      ],
    })
    .disk("sdb", { number: "8:16", sectors: 1001n })
    .disk("coarse", { number: "8:32", sectors: 8192n, blockSize: 4096 });
}

function plan(options: Partial<CreateOptions>, system = machine()): Promise<CreatePlan> {
  return planCreate({ ...OPTIONS, ...options }, system);
}

const EXT4 = { type: "ext4", usage: "filesystem", label: "home", ambivalent: false };

Deno.test("the whole of both devices, unless told otherwise", async () => {
  const { line, warnings, readOnly } = await plan({});
  assert.equal(line, "0 8192 remap 8:0 0 8:16 0 1001 1 volatile");
  assert.deepEqual(warnings, []);
  assert.equal(readOnly, false);
});

Deno.test("ranges, and a disk whose tail is its own spare", async () => {
  const system = machine();
  system.signatures.set("/dev/sda", EXT4);
  const { line } = await plan({
    main: "/dev/sda",
    spare: "/dev/sda",
    length: 8000n,
    spareStart: 8000n,
    features: { volatile: true, maxRemaps: 8n },
  }, system);
  assert.equal(line, "0 8000 remap 8:0 0 8:0 8000 192 3 volatile max_remaps 8");
  assert.deepEqual(system.probed, ["/dev/sda@4096000+98304"], "main's own head is not asked");
});

Deno.test("defaults keep to whole blocks of the main device", async () => {
  const { table } = await plan({ main: "/dev/coarse" });
  assert.equal(table.spareLength, 1000n);
});

Deno.test("wrong sizes and blocks", async () => {
  const { TooSmallError, BlockSizeError, UsageError } = errors;
  const cases: [Partial<CreateOptions>, new (...args: never[]) => Error, RegExp][] = [
    [{ spareLength: 1002n }, TooSmallError, /\/dev\/sdb: has 1001 sectors, but 0\+1002/],
    [{ mainStart: 8192n }, TooSmallError, /\/dev\/sda: has 8192 sectors, but sectors from 8192/],
    [{ length: 8193n }, TooSmallError, /\/dev\/sda/],
    [{ length: 0n }, TooSmallError, /\/dev\/sda/],
    [{ spare: "/dev/coarse" }, BlockSizeError, /\/dev\/coarse: has logical blocks of 4096 bytes/],
    [{ main: "/dev/coarse", length: 9n }, BlockSizeError, /multiples of 8 sectors/],
    [{ main: "/dev/coarse", spareStart: 4n }, BlockSizeError, /\/dev\/sdb/],
    [{ name: "a/b" }, UsageError, /slashes/],
    [{ name: "" }, UsageError, /empty/],
  ];
  for (const [options, Kind, message] of cases) {
    await assert.rejects(plan(options), (error) => {
      assert.ok(error instanceof Kind, `${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("overlaps, also of a disk and its partitions", async () => {
  const overlaps: Partial<CreateOptions>[] = [
    { spare: "/dev/sda" },
    { spare: "/dev/sda2" },
    { main: "/dev/sda1", spare: "/dev/sda" },
    { main: "/dev/sda", spare: "/dev/sda", length: 8000n, spareStart: 7999n },
  ];
  for (const options of overlaps) await assert.rejects(plan(options), errors.OverlapError);
  await plan({ main: "/dev/sda1", spare: "/dev/sda2" });
  await plan({ main: "/dev/sda", length: 2048n, spare: "/dev/sda2" });
});

Deno.test("a mounted main refuses; force turns that into a warning", async () => {
  const system = machine().mounts(["30 1 8:1 / /home rw - ext4 /dev/sda1 rw"]);
  await assert.rejects(plan({}, system), errors.MountedError);
  const { warnings } = await plan({ force: true }, system);
  assert.deepEqual(warnings, ["/dev/sda: its partition sda1 is mounted on /home"]);
});

Deno.test("a spare in use refuses as well", async () => {
  const system = machine().swaps(["/dev/sdb"]);
  await assert.rejects(plan({}, system), /\/dev\/sdb: is used as swap space/);
});

Deno.test("a spare with a signature refuses; force turns that into a warning", async () => {
  const system = machine();
  system.signatures.set("/dev/sdb", EXT4);
  await assert.rejects(plan({}, system), (error) => {
    assert.ok(error instanceof errors.SignatureError);
    assert.match(error.message, /\/dev\/sdb: carries a signature: ext4, labelled "home"; .*wipefs/);
    return true;
  });
  assert.equal((await plan({ force: true }, system)).warnings.length, 1);
  system.signatures.set("/dev/sdb", { type: "ext4, romfs", ambivalent: true });
  await assert.rejects(plan({}, system), /several signatures \(ext4, romfs\)/);
});

Deno.test("a spare range in the middle of a device: the whole and the range are asked", async () => {
  const system = machine();
  system.signatures.set("/dev/sdb@51200+461312", EXT4);
  await assert.rejects(plan({ spareStart: 100n }, system), errors.SignatureError);
  assert.deepEqual(system.probed, ["/dev/sdb", "/dev/sdb@51200+461312"]);
});

Deno.test("a spare that cannot be read", async () => {
  const system = machine();
  system.signatures.set("/dev/sdb", new SystemError("probe", "/dev/sdb", 5));
  await assert.rejects(plan({ force: true }, system), /cannot be read.*EIO/);
  system.signatures.set("/dev/sdb", new SystemError("open", "/dev/sdb", 13));
  await assert.rejects(plan({}, system), errors.PermissionError);
});

Deno.test("read-only devices", async () => {
  const system = machine().disk("rom", { number: "11:0", readOnly: true });
  await assert.rejects(plan({ main: "/dev/rom" }, system), errors.RefusedError);
  await assert.rejects(plan({ spare: "/dev/rom" }, system), errors.RefusedError);
  assert.equal((await plan({ main: "/dev/rom", readOnly: true }, system)).readOnly, true);
});
