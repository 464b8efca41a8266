// SPDX-License-Identifier: GPL-2.0-only
// What `create` and `remove` refuse, on real devices.
import assert from "node:assert/strict";
import { type CreateOptions, planCreate } from "../../../cli/device/create_plan.ts";
import * as errors from "../../../cli/device/errors.ts";
import { createDevice } from "../../../cli/device/lifecycle.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import {
  line,
  linear,
  MAIN,
  MAIN_SECTORS,
  must,
  numberOf,
  SPARE,
  SPARE_SECTORS,
  temporaryDevice,
} from "./support.ts";

const COARSE = "/dev/lab/coarse";
const dm = DeviceMapper.open();

function plan(options: Partial<CreateOptions> = {}) {
  return planCreate({
    name: "r0",
    main: MAIN,
    spare: SPARE,
    features: { volatile: true },
    ...options,
  });
}

/** Mounts a device somewhere for a while. */
async function mounted(device: string): Promise<AsyncDisposable> {
  const point = Deno.makeTempDirSync();
  await must("mount", device, point);
  return {
    [Symbol.asyncDispose]: async () => {
      await must("umount", point);
    },
  };
}

/** A DOS partition table: 32768 sectors each, from 2048 and from 34816 on. */
function twoPartitions(): Uint8Array {
  const block = new Uint8Array(512);
  const view = new DataView(block.buffer);
  [2048, 34816].forEach((start, i) => {
    block[446 + 16 * i + 4] = 0x83;
    view.setUint32(446 + 16 * i + 8, start, true);
    view.setUint32(446 + 16 * i + 12, 32768, true);
  });
  view.setUint16(510, 0xaa55, true);
  return block;
}

async function wiped(device: string): Promise<void> {
  await must("wipefs", "--all", "--quiet", device);
}

Deno.test("two free disks are taken", async () => {
  const { line, warnings } = await plan();
  assert.equal(
    line,
    `0 ${MAIN_SECTORS} remap ${numberOf(MAIN)} 0 ${numberOf(SPARE)} 0 ${SPARE_SECTORS} 1 volatile`,
  );
  assert.deepEqual(warnings, []);
});

Deno.test("a mounted main, and a spare with a file system", async () => {
  await must("mkfs.ext4", "-q", "-F", "-L", "precious", MAIN);
  {
    await using _mount = await mounted(MAIN);
    await assert.rejects(plan(), (error) => {
      assert.ok(error instanceof errors.MountedError);
      assert.match(error.message, /^\/dev\/lab\/main: is mounted on \/tmp\/\w+; unmount it first$/);
      return true;
    });
  }
  await plan(); // the file system on main is what it is all about
  await assert.rejects(
    plan({ main: SPARE, spare: MAIN }),
    /\/dev\/lab\/main: carries a signature: ext4, labelled "precious".*wipefs --all/,
  );
  await wiped(MAIN);
});

Deno.test("a disk whose partition is mounted, and overlapping partitions", async () => {
  Deno.writeFileSync(MAIN, twoPartitions());
  await must("blockdev", "--rereadpt", MAIN);
  const disk = Deno.realPathSync(MAIN);
  const [first, second] = [`${disk}1`, `${disk}2`];
  await must("mkfs.ext4", "-q", "-F", first);
  {
    await using _mount = await mounted(first);
    await assert.rejects(plan(), /its partition \w+1 is mounted/);
    const { main } = await plan({ main: second });
    assert.equal(main.disk, numberOf(MAIN));
    assert.equal(main.diskStart, 34816n);
    await assert.rejects(plan({ main: MAIN, spare: second }), errors.DeviceError);
  }
  await assert.rejects(plan({ main: MAIN, spare: second }), errors.OverlapError);
  await plan({ main: first, spare: second });
  await assert.rejects(plan({ main: SPARE, spare: MAIN }), /carries a signature: dos/);
  await wiped(first);
  await wiped(MAIN);
  await must("blockdev", "--rereadpt", MAIN);
});

Deno.test("devices held by dm, and what is mounted above", async () => {
  await using held = await temporaryDevice(dm, "holder", linear());
  await assert.rejects(plan(), (error) => {
    assert.ok(error instanceof errors.HeldError);
    assert.match(error.message, /\/dev\/lab\/main: is held by dm-\d+ \(holder\)/);
    return true;
  });
  await must("mkfs.ext4", "-q", "-F", held.path);
  {
    await using _mount = await mounted(held.path);
    await assert.rejects(plan(), /held by dm-\d+ \(holder\), which is mounted on/);
    assert.equal((await plan({ force: true })).warnings.length, 1);
  }
  await wiped(held.path);
});

Deno.test("swap", async () => {
  await must("mkswap", SPARE);
  await assert.rejects(plan(), /carries a signature: swap/);
  await must("swapon", SPARE);
  await assert.rejects(plan(), /\/dev\/lab\/spare: is used as swap space; swapoff/);
  await must("swapoff", SPARE);
  await wiped(SPARE);
});

Deno.test("a spare of larger blocks", async () => {
  await assert.rejects(plan({ spare: COARSE }), errors.BlockSizeError);
  const { table } = await plan({ main: COARSE });
  assert.equal(table.length, 32768n);
});

Deno.test("too small, not a block device, not there", async () => {
  await assert.rejects(plan({ spareLength: SPARE_SECTORS + 1n }), errors.TooSmallError);
  await assert.rejects(plan({ spare: "/tmp" }), errors.NotBlockDeviceError);
  await assert.rejects(plan({ spare: "/dev/null" }), errors.NotBlockDeviceError);
  await assert.rejects(plan({ main: "/dev/lab/none" }), errors.DeviceNotFoundError);
  await assert.rejects(plan({ spare: MAIN }), errors.OverlapError);
});

Deno.test("no module, and a name that is taken", async () => {
  const made = await plan();
  await assert.rejects(createDevice(dm, made), (error) => {
    assert.ok(error instanceof errors.TargetMissingError);
    assert.match(error.message, /^r0: the kernel does not know the remap target; load the module/);
    return true;
  });
  assert.deepEqual(dm.list(), []);
  await using _taken = await temporaryDevice(dm, "r0", [line(0n, 8n, "zero")]);
  await assert.rejects(createDevice(dm, made), errors.NameTakenError);
});
