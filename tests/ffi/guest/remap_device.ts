// SPDX-License-Identifier: GPL-2.0-only
// The device layer over the real target. Comes last: it loads the module.
import assert from "node:assert/strict";
import { planCreate } from "../../../cli/device/create_plan.ts";
import * as errors from "../../../cli/device/errors.ts";
import { createDevice, removeDevice } from "../../../cli/device/lifecycle.ts";
import { parsePlaces } from "../../../cli/device/messages.ts";
import { listRemapDevices, RemapDevice } from "../../../cli/device/remap_device.ts";
import { loadModule } from "../../../cli/kmod/load.ts";
import { DeviceMapperError } from "../../../ffi/errors.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { BLOCK, MAIN, must, open, settlesWithin, SPARE, stamp } from "./support.ts";

const dm = DeviceMapper.open();
const NAME = "r0";

/** A fresh remap device over main and spare. */
async function fresh(): Promise<RemapDevice & AsyncDisposable> {
  await createDevice(
    dm,
    await planCreate({ name: NAME, main: MAIN, spare: SPARE, features: { volatile: true } }),
  );
  const device = RemapDevice.open(dm, NAME);
  const dispose = async () => {
    if (dm.info(NAME) !== undefined) await removeDevice(dm, NAME, { force: true });
  };
  return Object.assign(device, { [Symbol.asyncDispose]: dispose });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

Deno.test("the module loads", async () => {
  assert.equal((await loadModule()).alreadyLoaded, false);
  assert.ok(dm.versions().some(({ name }) => name === "remap"));
});

Deno.test("create, list, table, status, ping, remove", async () => {
  await using device = await fresh();
  assert.deepEqual(listRemapDevices(dm).map(({ name }) => name), [NAME]);
  assert.equal(device.table().features.volatile, true);
  const status = device.status();
  assert.equal(status.remapped, 0n);
  assert.equal(status.health, "good");
  assert.equal(status.mode, "rw");
  assert.equal(await device.ping(), "pong");
  await removeDevice(dm, NAME);
  await assert.rejects(device.ping(), errors.DeviceNotFoundError);
  assert.throws(() => device.status(), errors.DeviceNotFoundError);
  assert.throws(() => RemapDevice.open(dm, NAME), errors.DeviceNotFoundError);
  await assert.rejects(removeDevice(dm, NAME), errors.DeviceNotFoundError);
});

Deno.test("relocating, looking, moving back", async () => {
  await using device = await fresh();
  using file = open(`/dev/mapper/${NAME}`);
  await file.write(0n, stamp(64 * BLOCK, 5));
  const ranges = [{ first: 200n, count: 8n }, { first: 7n, count: 1n }, { first: 64n, count: 8n }];
  assert.deepEqual(await device.remap(ranges), { remapped: 17n, lost: 0n });
  assert.equal(device.status().remapped, 17n);
  assert.deepEqual(await file.read(0n, 64 * BLOCK), stamp(64 * BLOCK, 5));
  const places = await device.verify([{ first: 6n, count: 3n }]);
  assert.deepEqual(places.map(({ sector, place }) => [sector, place]), [
    [6n, "main"],
    [7n, "remapped"],
    [8n, "main"],
  ]);
  const all = await collect(device.entries());
  assert.deepEqual(all.map(({ sector }) => sector), [7n, 64n, 200n]);
  assert.deepEqual(await collect(device.entries({ pageSize: 1 })), all);
  assert.deepEqual(await collect(device.entries({ from: 8n })), all.slice(1));
  assert.deepEqual(parsePlaces(await device.send("entries 0 9")), all);
  assert.ok((await device.stats()).size > 0);
  await assert.rejects(removeDevice(dm, NAME), /in use|open|relocated/);
  assert.deepEqual(await device.unmap([ranges[0]!]), { cleared: 8n, kept: 0n });
  assert.deepEqual(await device.clear(), { cleared: 9n, kept: 0n });
  assert.deepEqual(await file.read(0n, 64 * BLOCK), stamp(64 * BLOCK, 5));
});

Deno.test("refusals come with the kernel's reason", async () => {
  await using device = await fresh();
  await assert.rejects(device.remap([{ first: 1n << 40n, count: 1n }]), (error) => {
    assert.ok(error instanceof DeviceMapperError);
    assert.equal(error.code, "EINVAL");
    assert.match(error.message, /the kernel says: .*r0: .*past the end of the device/);
    return true;
  });
  await assert.rejects(device.send("nonsense"), /unknown message "nonsense"/);
  await dm.suspend(NAME);
  await assert.rejects(device.remap([{ first: 0n, count: 1n }]), { code: "EBUSY" });
  assert.equal(device.status().remapped, 0n, "status works while suspended");
  await dm.resume(NAME);
});

Deno.test("a relocation wakes who waits for an event", async () => {
  await using device = await fresh();
  const before = device.info().eventNr;
  const event = device.waitEvent(before);
  assert.equal(await settlesWithin(event, 100), false);
  await device.remap([{ first: 0n, count: 1n }]);
  assert.ok(await event > before);
});

Deno.test("removing refuses while sectors are relocated, or the device is in use", async () => {
  await using device = await fresh();
  await device.remap([{ first: 0n, count: 8n }]);
  await assert.rejects(removeDevice(dm, NAME), /8 sectors are relocated.*dmremap-ts clear r0/);
  await device.clear();
  await must("mkfs.ext4", "-q", "-F", `/dev/mapper/${NAME}`);
  await must("mkdir", "-p", "/tmp/mounted");
  await must("mount", `/dev/mapper/${NAME}`, "/tmp/mounted");
  await assert.rejects(removeDevice(dm, NAME), (error) => {
    assert.ok(error instanceof errors.MountedError);
    assert.match(error.message, /^r0: is mounted on \/tmp\/mounted; unmount it first$/);
    return true;
  });
  await must("umount", "/tmp/mounted");
  await must("wipefs", "--all", "--quiet", `/dev/mapper/${NAME}`);
  await removeDevice(dm, NAME);
});

Deno.test("a table entry of every other sector comes in many pages", async () => {
  await using device = await fresh();
  const ranges = Array.from({ length: 1000 }, (_, i) => ({ first: BigInt(2 * i), count: 1n }));
  assert.deepEqual(await device.remap(ranges), { remapped: 1000n, lost: 0n });
  const all = await collect(device.entries());
  assert.deepEqual(all.map(({ sector }) => sector), ranges.map(({ first }) => first));
  const places = await device.verify([{ first: 0n, count: 2000n }]);
  assert.equal(places.length, 2000);
  assert.deepEqual(await device.clear(), { cleared: 1000n, kept: 0n });
});

Deno.test("a table that the target refuses says why, and leaves nothing", async () => {
  const made = await planCreate({
    name: NAME,
    main: MAIN,
    spare: SPARE,
    features: { extra: ["no_such_feature"] },
  });
  await assert.rejects(createDevice(dm, made), /no_such_feature|Unknown feature/);
  const bare = await planCreate({ name: NAME, main: MAIN, spare: SPARE, features: {} });
  // The slots of the volatile tables before it are no metadata.
  await assert.rejects(createDevice(dm, bare), errors.MetadataDamagedError);
  assert.deepEqual(dm.list(), []);
});

Deno.test("the module goes again", async () => {
  await must("rmmod", "dm_remap");
});
