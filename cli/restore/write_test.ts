// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkMetadata } from "../metadata/check.ts";
import { FakeKernel, UUID } from "../metadata/fake_kernel.ts";
import { type Image, MemoryImage } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import type { SlotData } from "../store/types.ts";
import { extentsOf, place, type Placed } from "./place.ts";
import type { Decision } from "./types.ts";
import { guard, ReadBackError, seal, writeSlots, writeTable } from "./write.ts";

const RANGE = { spareSectors: 2048, blockSectors: 1 };
const FIELDS = {
  ...RANGE,
  ...{ uuid: "11111111-2222-4333-8444-555555555555", name: "r0" },
  ...{ mainStart: 0, mainSectors: 65536, mainDeviceSectors: 65536 },
  ...{ spareStart: 0, spareDeviceSectors: 2048 },
  linkedUuid: UUID,
};
const OLD = UUID;

const run = (first: number, length: number, fate: Decision["fate"]): Decision => ({
  ...{ first, length, fate, reason: "snapshot", by: -1, was: "remapped", slot: 500 },
});
const DECISIONS = [run(10, 20, "content"), run(30, 5, "lost"), run(100, 3, "content")];

function bytesOf(first: number, length: number): Uint8Array {
  return Uint8Array.from(
    { length: length * 512 },
    (_, at) => (first + Math.floor(at / 512)) * 3 + at % 512 % 7,
  );
}

/** More than is wanted, and cut elsewhere. */
const CONTENT: readonly SlotData[] = [[0, 15], [15, 25], [60, 4], [99, 8]].map((
  [first = 0, length = 0],
) => ({ first, length, bytes: bytesOf(first, length) }));

const placement = place(DECISIONS, RANGE, { inPlace: false, bad: [] })!;

async function restore(image: Image): Promise<void> {
  seal(image, FIELDS, OLD);
  await writeSlots(image, contentOf(placement.placed), () => CONTENT);
  writeTable(image, FIELDS, extentsOf(placement));
}

const contentOf = (placed: readonly Placed[]) => placed.filter(({ fate }) => fate === "content");

/** Does every sector that has content read as it should? */
function assertWhole(image: Image): void {
  assert.deepEqual(checkMetadata(image).problems, []);
  const { superblock, extents } = loadMetadata(image);
  assert.deepEqual([superblock.remapped, superblock.lost, superblock.linkedUuid], [28, 5, OLD]);
  for (const { first, length, slot, state } of extents()) {
    if (state !== "remapped") continue;
    const there = image.read(slot * 512, length * 512);
    assert.deepEqual(there, bytesOf(first, length));
  }
}

Deno.test("content goes to its slots, and the table says where they are", async () => {
  const image = new MemoryImage(RANGE.spareSectors * 512);
  seal(image, FIELDS, OLD);
  const written = await writeSlots(image, contentOf(placement.placed), () => CONTENT);
  assert.deepEqual(written, [{ first: 10, length: 20 }, { first: 100, length: 3 }]);
  writeTable(image, FIELDS, extentsOf(placement));
  assertWhole(image);
});

/** Remembers writes and flushes. */
class LoggedImage extends MemoryImage {
  readonly log: (readonly [offset: number, bytes: Uint8Array] | "flush")[] = [];

  override write(offset: number, bytes: Uint8Array): void {
    this.log.push([offset, bytes.slice()]);
    super.write(offset, bytes);
  }

  override sync(): void {
    this.log.push("flush");
  }
}

/** What a disk may hold after a crash: all until some flush, and sectors of what came after it. */
function crashed(
  before: Uint8Array<ArrayBuffer>,
  log: LoggedImage["log"],
  flushes: number,
  keep: () => boolean,
): MemoryImage {
  const image = new MemoryImage(before.slice());
  let seen = 0;
  for (const step of log) {
    if (step === "flush") {
      seen++;
      if (seen > flushes) break;
      continue;
    }
    const [offset, bytes] = step;
    for (let at = 0; at < bytes.length; at += 512) {
      if (seen < flushes || keep()) image.write(offset + at, bytes.subarray(at, at + 512));
    }
  }
  return image;
}

/** A spare that was in use: its journal has brought some sectors back, and relocated another. */
function usedSpare(): Uint8Array<ArrayBuffer> {
  const kernel = new FakeKernel(FIELDS);
  kernel.checkpoint([{ first: 10, length: 20, slot: 1000, state: "remapped" }]);
  kernel.commit([
    { first: 10, length: 5, slot: 0, state: "main" },
    { first: 50, length: 1, slot: 1020, state: "remapped" },
  ]);
  kernel.image.write(1000 * 512, bytesOf(40, 21));
  return kernel.image.bytes;
}

async function crashStates(before: Uint8Array<ArrayBuffer>, check: (image: Image) => void) {
  const logged = new LoggedImage(before.slice());
  await restore(logged);
  const flushes = logged.log.filter((step) => step === "flush").length;
  assert(flushes > 6);
  fc.assert(
    fc.property(
      fc.nat(flushes),
      fc.infiniteStream(fc.boolean()),
      fc.nat(3),
      (until, bits, bias) => {
        const keep = () => bias === 0 ? true : bias === 1 ? false : bits.next().value;
        check(crashed(before, logged.log, until, keep));
      },
    ),
    { numRuns: 400 },
  );
}

const isBlank = (image: Image) =>
  checkMetadata(image).problems.some(({ code }) => code === "blank");

Deno.test("after a crash a new spare is refused or whole, or was not begun with", async () => {
  const blank = new Uint8Array(RANGE.spareSectors * 512);
  let [refused, whole] = [0, 0];
  await crashStates(blank, (image) => {
    if (isBlank(image)) {
      assert(image.read(0, RANGE.spareSectors * 512).every((byte) => byte === 0));
    } else if (checkMetadata(image).problems.length > 0) refused++;
    else {
      whole++;
      assertWhole(image);
    }
  });
  assert(refused > 50 && whole > 10, `${refused} refused, ${whole} whole`);
});

Deno.test("after a crash a spare that held a table is refused, or has the old or the new one", async () => {
  const before = usedSpare();
  const seen = { old: 0, refused: 0, whole: 0 };
  await crashStates(before, (image) => {
    if (checkMetadata(image).problems.length > 0) {
      assert(!isBlank(image), "it looks like one that was never used");
      seen.refused++;
      return;
    }
    if (loadMetadata(image).superblock.uuid === FIELDS.uuid) {
      seen.whole++;
      assertWhole(image);
      return;
    }
    seen.old++;
    assert.deepEqual([...loadMetadata(image).extents()], [
      { first: 15, length: 15, slot: 1005, state: "remapped" },
      { first: 50, length: 1, slot: 1020, state: "remapped" },
    ]);
    // As long as the old table counts, its slots are as they were.
    assert.deepEqual(image.read(1000 * 512, 21 * 512), bytesOf(40, 21));
  });
  assert(seen.old > 0 && seen.refused > 50 && seen.whole > 10, JSON.stringify(seen));
});

Deno.test("a guard keeps a range from looking new while only its metadata is written", () => {
  const image = new LoggedImage(RANGE.spareSectors * 512);
  guard(image, FIELDS);
  const from = image.log.length;
  const before = image.bytes.slice();
  writeTable(image, FIELDS, []);
  const log = image.log.slice(from);
  for (let until = 0; until <= log.filter((step) => step === "flush").length; until++) {
    for (const keep of [true, false]) {
      assert(!isBlank(crashed(before, log, until, () => keep)));
    }
  }
});

Deno.test("a guard touches nothing where something is left", () => {
  const kernel = new FakeKernel(FIELDS);
  kernel.commit([{ first: 50, length: 1, slot: 1020, state: "remapped" }]);
  const before = kernel.image.bytes.slice();
  guard(kernel.image, FIELDS);
  assert.deepEqual(kernel.image.bytes, before);
});

Deno.test("an interrupt leaves a spare that is refused", async () => {
  const image = new MemoryImage(RANGE.spareSectors * 512);
  const controller = new AbortController();
  controller.abort();
  seal(image, FIELDS, OLD);
  await assert.rejects(
    writeSlots(image, contentOf(placement.placed), () => CONTENT, { signal: controller.signal }),
    InterruptedError,
  );
  assert.equal(checkMetadata(image).problems[0]?.code, "unfinished");
});

Deno.test("a disk that does not keep what is written is noticed", async () => {
  const image = new MemoryImage(RANGE.spareSectors * 512);
  image.write = () => undefined;
  const writing = writeSlots(image, contentOf(placement.placed), () => CONTENT);
  await assert.rejects(writing, ReadBackError);
});
