// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { DeviceInfo, DeviceMapper, TargetLine } from "../../ffi/libdevmapper.ts";
import { SystemError } from "../../ffi/errors.ts";
import type { Extent } from "../metadata/extent.ts";
import { COMPAT_MIGRATING } from "../metadata/format.ts";
import { MemoryImage } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { encodeSuperblock } from "../metadata/superblock.ts";
import { type SuperblockFields, writeMetadata } from "../metadata/write.ts";
import { captureLive, type CaptureOptions } from "./capture.ts";
import { noLosses } from "./capture_content.ts";
import { captureOffline } from "./capture_offline.ts";
import { BusyError } from "./errors.ts";
import { FakeSystem } from "./fake_system.ts";
import { RemapDevice } from "./remap_device.ts";

const UUID = "01234567-89ab-4cde-8f01-23456789abcd";
const SPARE_START = 64;
const FIELDS: SuperblockFields = {
  uuid: UUID,
  blockSectors: 1,
  mainStart: 0,
  mainSectors: 100_000,
  mainDeviceSectors: 100_000,
  spareStart: SPARE_START,
  spareSectors: 8192,
  spareDeviceSectors: 16384,
  name: "r0",
  mainId: "serial:one",
  args: "2 retries 5",
};
const SLOTS = 5000;

/** A target that says what the test wants; `onEntries` is called before each page. */
class FakeTarget {
  changes = 7;
  lines: string[] = [];
  counts = { remapped: 0, lost: 0, pending: 0, bad: 0 };
  features = "2 retries 5";
  suspended = false;
  onEntries = (): void => {};
  pages = 0;

  table(): TargetLine[] {
    const params = `8:0 0 8:16 ${SPARE_START} 8192 ${this.features}`;
    return [{ start: 0n, length: 100_000n, type: "remap", params }];
  }

  status(): TargetLine[] {
    const { remapped, lost, pending, bad } = this.counts;
    const params = `remapped=${remapped} lost=${lost} spare_used=${remapped}/3000 (0%) ` +
      "write_errors=0 read_errors=0 auto_remaps=0 manual_remaps=0 health=good scan_progress=0% " +
      `pending=${pending} spare_bad=${bad} verify_errors=0 transport_errors=0 mode=rw`;
    return [{ start: 0n, length: 100_000n, type: "remap", params }];
  }

  info(): DeviceInfo {
    const uuid = `DMREMAP-${UUID}`;
    return { suspended: this.suspended, uuid } as unknown as DeviceInfo;
  }

  versions() {
    return [{ name: "linear", version: "1.4.0" }, { name: "remap", version: "3.1.0" }];
  }

  message(_name: string, _sector: bigint, text: string): Promise<string> {
    const [verb, from = "0"] = text.split(" ");
    if (verb === "stats") {
      return Promise.resolve(`remapped=3\ntable_changes=${this.changes}\ngeneration=4`);
    }
    this.onEntries();
    this.pages++;
    const page = this.lines.filter((line) => Number(line.split(" ")[0]) >= Number(from));
    return Promise.resolve(page.slice(0, 2).join("\n"));
  }
}

function device(target: FakeTarget): RemapDevice {
  return RemapDevice.open(target as unknown as DeviceMapper, "r0");
}

function options(image?: MemoryImage): CaptureOptions & { readonly pauses: number[] } {
  const pauses: number[] = [];
  return {
    system: new FakeSystem().disk("sda", { number: "8:0" }).disk("sdb", { number: "8:16" }),
    open: (path) => {
      if (image === undefined) throw new SystemError("open", path, 6);
      return image;
    },
    pause: (ms) => Promise.resolve(void pauses.push(ms)),
    attempts: 4,
    pauses,
  };
}

function threeEntries(): FakeTarget {
  const target = new FakeTarget();
  const slot = SPARE_START + SLOTS;
  target.lines = [
    `10 2 remapped ${slot}`,
    `20 4 lost ${slot + 8}`,
    "40 3 pending",
    `50 1 remapped ${slot + 20}`,
  ];
  target.counts = { remapped: 7, lost: 7, pending: 3, bad: 0 };
  return target;
}

function imageOf(extents: Extent[]): MemoryImage {
  const image = new MemoryImage(8192 * 512);
  writeMetadata(image, FIELDS, extents);
  return image;
}

Deno.test("a table that stays as it is: read once, in pages, with what identifies the device", async () => {
  const target = threeEntries();
  const capture = await captureLive(device(target), options());
  assert.equal(target.pages, 3);
  assert.deepEqual(capture.entries, [
    { first: 10, length: 2, state: "remapped", slot: SLOTS },
    { first: 20, length: 4, state: "lost", slot: SLOTS + 8 },
    { first: 40, length: 3, state: "pending", slot: 0 },
    { first: 50, length: 1, state: "remapped", slot: SLOTS + 20 },
  ]);
  const { facts } = capture;
  assert.deepEqual(
    [facts.source, facts.generation, facts.tableChanges, facts.health, facts.moduleVersion],
    ["live", 4, 7, "good", "3.1.0"],
  );
  assert.deepEqual([facts.device.name, facts.device.uuid], ["r0", UUID]);
  assert.deepEqual([facts.device.spareStart, facts.device.args], [SPARE_START, "2 retries 5"]);
  assert.equal(facts.counters["remapped_sectors"], 3n);
  assert.equal(capture.degraded, true);
});

Deno.test("a table that changes between two pages is read again, after a longer pause each time", async () => {
  const target = threeEntries();
  target.onEntries = () => void (target.pages < 5 && target.pages === 1 && target.changes++);
  const settings = options();
  const capture = await captureLive(device(target), settings);
  assert.equal(capture.facts.tableChanges, 8);
  assert.deepEqual(settings.pauses, [20]);
  target.onEntries = () => void target.changes++;
  await assert.rejects(captureLive(device(target), settings), (error) => {
    assert.ok(error instanceof BusyError);
    assert.match(error.message, /^r0: its table did not stay the same/);
    return true;
  });
  assert.deepEqual(settings.pauses, [20, 20, 40, 80]);
});

Deno.test("a table that never stays as it is is taken from the metadata, as it was committed", async () => {
  const target = threeEntries();
  target.onEntries = () => void target.changes++;
  const image = imageOf([
    { first: 10, length: 1, slot: SLOTS, state: "remapped" },
    { first: 40, length: 1, slot: 0, state: "wrong" },
    { first: 0, length: 2, slot: SLOTS + 40, state: "bad" },
  ]);
  const settings = options(image);
  const { facts, entries, badSlots } = await captureLive(device(target), settings);
  assert.equal(settings.pauses.length, 3);
  assert.deepEqual(entries.map(({ first, state }) => `${first} ${state}`), [
    "10 remapped",
    "40 wrong",
  ]);
  assert.deepEqual(badSlots, [{ slot: SLOTS + 40, length: 2 }]);
  assert.equal(facts.generation, loadMetadata(image).generation);
  assert.equal("tableChanges" in facts, false);
  // A checkpoint between the first look at the metadata and the second one: that is no moment.
  const moving = new MemoryImage(image.bytes.slice());
  const busy = { ...options(image), open: () => moving };
  const read = moving.read.bind(moving);
  moving.read = (offset, length) => {
    const bytes = read(offset, length);
    if (offset === 0) writeMetadata(image, FIELDS, []);
    moving.bytes.set(image.bytes);
    return bytes;
  };
  await assert.rejects(captureLive(device(target), busy), BusyError);
  target.features = "1 volatile";
  await assert.rejects(captureLive(device(target), options(imageOf([]))), BusyError);
});

Deno.test("places are not read by the line that was there before", async () => {
  const target = threeEntries();
  target.onEntries = () => void (target.pages === 1 && (target.features = "2 retries 6"));
  const settings = options();
  const { facts } = await captureLive(device(target), settings);
  assert.deepEqual([facts.device.args, settings.pauses], ["2 retries 6", [20]]);
});

Deno.test("a table whose parts do not add up to the status is not believed", async () => {
  for (const key of ["remapped", "lost", "pending"] as const) {
    const target = threeEntries();
    target.counts[key]++;
    await assert.rejects(captureLive(device(target), options()), new RegExp(`read as ${key}`));
  }
});

Deno.test("what the metadata knows better is taken from there, bad slots too", async () => {
  const target = threeEntries();
  target.counts.bad = 3;
  const image = imageOf([
    { first: 10, length: 1, slot: SLOTS, state: "remapped" },
    { first: 11, length: 1, slot: SLOTS + 1, state: "remapped" },
    { first: 20, length: 2, slot: SLOTS + 8, state: "unreadable" },
    { first: 22, length: 1, slot: SLOTS + 10, state: "wrong_slot" },
    { first: 40, length: 1, slot: 0, state: "wrong" },
    { first: 41, length: 1, slot: 0, state: "pending" },
    { first: 0, length: 2, slot: SLOTS + 40, state: "bad" },
    { first: 0, length: 1, slot: SLOTS + 42, state: "bad" },
  ]);
  const { entries, badSlots, remarks, facts } = await captureLive(device(target), options(image));
  const states = entries.map(({ first, length, state }) => `${first}+${length} ${state}`);
  assert.deepEqual(states, [
    ...["10+1 remapped", "11+1 remapped", "20+2 unreadable", "22+1 wrong_slot", "23+1 lost"],
    ...["40+1 wrong", "41+1 pending", "42+1 pending", "50+1 remapped"],
  ]);
  assert.deepEqual(badSlots, [{ slot: SLOTS + 40, length: 3 }]);
  assert.deepEqual(remarks, []);
  assert.equal(facts.device.mainId, "serial:one");
  const blind = await captureLive(device(target), options());
  assert.match(blind.remarks[0] ?? "", /which 3 slots have gone bad/);
});

Deno.test("with verify_reads what is merely said to be pending may be wrong", async () => {
  const target = threeEntries();
  target.features = "1 verify_reads";
  const { entries } = await captureLive(device(target), options());
  assert.equal(entries[2]?.state, "wrong");
});

Deno.test("the content of a suspended device is not waited for", async () => {
  const target = threeEntries();
  target.suspended = true;
  const capture = await captureLive(device(target), options());
  await assert.rejects(Array.fromAsync(capture.content(noLosses())), /r0: is suspended/);
});

Deno.test("a spare that is not in use: its table, its bad slots, and its content", async () => {
  const image = imageOf([
    { first: 10, length: 3, slot: SLOTS, state: "remapped" },
    { first: 20, length: 2, slot: SLOTS + 8, state: "unreadable" },
    { first: 40, length: 1, slot: 0, state: "wrong" },
    { first: 0, length: 2, slot: SLOTS + 40, state: "bad" },
  ]);
  image.write(SLOTS * 512, new Uint8Array(512 * 3).fill(0x5a));
  const capture = captureOffline(image);
  assert.deepEqual(capture.entries.map(({ state }) => state), ["remapped", "unreadable", "wrong"]);
  assert.deepEqual(capture.badSlots, [{ slot: SLOTS + 40, length: 2 }]);
  assert.deepEqual([capture.facts.source, capture.facts.device.uuid], ["offline", UUID]);
  assert.equal(capture.degraded, true);
  const whole = imageOf([{ first: 10, length: 3, slot: SLOTS, state: "remapped" }]);
  assert.equal(captureOffline(whole).degraded, false);
  const losses = noLosses();
  const [piece, ...more] = await Array.fromAsync(capture.content(losses));
  assert.deepEqual([piece?.first, piece?.length, piece?.bytes[1000], more.length], [
    10,
    3,
    0x5a,
    0,
  ]);
  assert.deepEqual(losses, { lostSectors: 3, unreadableSectors: 0 });
});

Deno.test("the spare that the content has come from is named, not the one that it shall go to", () => {
  const linked = { linkedUuid: "89abcdef-0123-4567-89ab-cdef01234567", linkedGeneration: 5 };
  const named = (compat: number) => {
    const image = imageOf([{ first: 1, length: 1, slot: SLOTS, state: "remapped" }]);
    const { superblock, superblockCopy } = loadMetadata(image);
    const block = encodeSuperblock({ ...superblock, ...linked, compat });
    image.write(superblockCopy === "A" ? 0 : 4096, block);
    return captureOffline(image).facts.device.predecessorUuid;
  };
  assert.equal(named(0), linked.linkedUuid);
  assert.equal(named(COMPAT_MIGRATING), undefined);
});
