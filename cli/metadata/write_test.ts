// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkMetadata } from "./check.ts";
import type { Extent } from "./extent.ts";
import { FakeKernel, GEOMETRY, UUID } from "./fake_kernel.ts";
import { type Image, MemoryImage } from "./image.ts";
import { layoutOf } from "./layout.ts";
import { loadMetadata } from "./load.ts";
import { formatMetadata, writeMetadata } from "./write.ts";

const BYTES = GEOMETRY.spareSectors * 512;
const FIELDS = { ...GEOMETRY, uuid: UUID, name: "r0", mainId: "serial:1", args: "volatile" };
const { slotsStart } = layoutOf(GEOMETRY.spareSectors, GEOMETRY.blockSectors);
const pending = (first: number, length = 1): Extent => ({
  first,
  length,
  slot: 0,
  state: "pending",
});

/** A table of some extents with gaps between them. */
const tables = fc.array(
  fc.record({
    gap: fc.nat(20),
    length: fc.integer({ min: 1, max: 4 }),
    state: fc.constantFrom("remapped" as const, "lost" as const, "pending" as const),
  }),
  { maxLength: 400 },
).map((parts) => {
  let [first, slot] = [0, slotsStart];
  return parts.map(({ gap, length, state }): Extent => {
    const extent = { first: first + gap, length, slot: state === "pending" ? 0 : slot, state };
    first += gap + length;
    if (state !== "pending") slot += length;
    return extent;
  });
});

Deno.test("what is written is what is loaded", () => {
  fc.assert(
    fc.property(tables, (extents) => {
      const image = new MemoryImage(BYTES);
      const superblock = writeMetadata(image, FIELDS, extents);
      const metadata = loadMetadata(image);
      assert.deepEqual([...metadata.extents()], extents);
      assert.deepEqual(metadata.superblock, superblock);
      assert.deepEqual(metadata.notes, []);
      assert.deepEqual(checkMetadata(image).problems, []);
    }),
    { numRuns: 50 },
  );
});

Deno.test("either superblock of a written range may be lost", () => {
  for (const lost of [0, 4096]) {
    const image = new MemoryImage(BYTES);
    writeMetadata(image, FIELDS, [pending(5)]);
    image.write(lost, new Uint8Array(512).fill(0x55));
    assert.deepEqual([...loadMetadata(image).extents()], [pending(5)]);
  }
});

Deno.test("a table is written over the one that it was read from", () => {
  const k = new FakeKernel();
  k.checkpoint([pending(1)]);
  k.commit([pending(3)]);
  const { superblock, extents } = loadMetadata(k.image);
  const written = writeMetadata(k.image, superblock, extents());
  assert.deepEqual([...loadMetadata(k.image).extents()], [pending(1), pending(3)]);
  assert.equal(written.generation, 3);
  assert.equal(written.created, superblock.created);
  assert.equal(loadMetadata(k.image).journalUsed, 0);
});

/** Keeps what is written for itself until a sync, and can stop after any number of writes. */
class Recorder implements Image {
  readonly path = "recorder";
  readonly writes: { readonly offset: number; readonly bytes: Uint8Array; readonly era: number }[] =
    [];
  #era = 0;
  readonly #now: MemoryImage;

  constructor(readonly before: Uint8Array<ArrayBuffer>) {
    this.#now = new MemoryImage(before.slice());
  }

  get sizeBytes(): number {
    return this.#now.sizeBytes;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#now.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.writes.push({ offset, bytes: bytes.slice(), era: this.#era });
    this.#now.write(offset, bytes);
  }

  sync(): void {
    this.#era++;
  }

  /** All before some sync, and some of what came after it. */
  crash(era: number, lands: (index: number) => boolean): MemoryImage {
    const image = new MemoryImage(this.before.slice());
    this.writes.forEach(({ offset, bytes, era: when }, index) => {
      if (when < era || (when === era && lands(index))) image.write(offset, bytes);
    });
    return image;
  }

  get eras(): number {
    return this.#era;
  }

  [Symbol.dispose](): void {}
}

Deno.test("a write that was given up is stale once the journal went on", () => {
  const k = new FakeKernel();
  k.checkpoint([pending(1)]);
  k.commit([pending(3)]);
  const recorder = new Recorder(k.image.bytes);
  writeMetadata(recorder, FIELDS, [pending(9)]);
  const [superblocks] = recorder.writes.filter(({ offset }) => offset < 8192);
  const crashed = recorder.crash(superblocks!.era, () => false);
  k.image.bytes.set(crashed.bytes);
  assert.deepEqual([...loadMetadata(k.image).extents()], [pending(1), pending(3)]);
  k.commit([pending(5)]);
  k.rot(0);
  assert.deepEqual([...loadMetadata(k.image).extents()], [1, 3, 5].map((at) => pending(at)));
});

/** Each crash gives one of these tables; `undefined` is a refusal. */
function assertCrashes(
  recorder: Recorder,
  allowed: readonly (readonly Extent[] | undefined)[],
): void {
  const texts = allowed.map((each) => JSON.stringify(each));
  const seen = new Set<string | undefined>();
  for (let era = 0; era <= recorder.eras; era++) {
    for (const pattern of [0b0, 0b1, 0b10, 0b0101, 0b1010, 0b110011, 0xffff]) {
      const image = recorder.crash(era, (index) => (pattern >> (index % 16) & 1) === 1);
      const isSound = checkMetadata(image).problems.length === 0;
      const text = isSound ? JSON.stringify([...loadMetadata(image).extents()]) : undefined;
      assert(texts.includes(text!), `sync ${era}, pattern ${pattern}: ${text}`);
      seen.add(text);
    }
  }
  assert.equal(seen.size, texts.length, "one of them never came up");
}

const LONG = Array.from({ length: 600 }, (_, at) => pending(at * 3));

Deno.test("a crash leaves the old table or the new", () => {
  const states = [0, 1, 2].flatMap((checkpoints) =>
    ["sound", "older lost", "newer lost"].map((superblocks) => ({ checkpoints, superblocks }))
  ).filter(({ checkpoints, superblocks }) => checkpoints > 0 || superblocks === "sound");
  for (const { checkpoints, superblocks } of states) {
    const k = new FakeKernel();
    for (let at = 0; at < checkpoints; at++) k.checkpoint([pending(1)]);
    k.commit([pending(7)]);
    if (superblocks !== "sound") k.rot(superblocks === "newer lost" ? k.copy : 1 - k.copy);
    const old = [...loadMetadata(k.image).extents()];
    const recorder = new Recorder(k.image.bytes);
    writeMetadata(recorder, FIELDS, LONG);
    assertCrashes(recorder, [old, LONG]);
  }
});

Deno.test("a crash over another device's metadata leaves the new table or a refusal", () => {
  const k = new FakeKernel();
  k.checkpoint([pending(1)]);
  k.commit([pending(7)]);
  const recorder = new Recorder(k.image.bytes);
  writeMetadata(recorder, { ...FIELDS, uuid: "ffffffff-0000-0000-0000-000000000000" }, LONG);
  const old = [pending(1), pending(7)];
  assertCrashes(recorder, [old, undefined, LONG]);
});

Deno.test("damaged metadata is written over", () => {
  const k = new FakeKernel();
  k.checkpoint([pending(1)]);
  k.commit([pending(2)]);
  k.rot(0);
  k.rot(1);
  const written = writeMetadata(k.image, FIELDS, [pending(9)]);
  assert.deepEqual([...loadMetadata(k.image).extents()], [pending(9)]);
  assert(written.generation > 2, "higher than whatever is there");
});

Deno.test("what cannot be is refused before anything is written", () => {
  const k = new FakeKernel();
  const before = k.image.bytes.slice();
  const slot = slotsStart;
  const wrong: [Extent[], RegExp][] = [
    [[pending(5, 3), pending(7)], /overlap or do not ascend/],
    [[pending(GEOMETRY.mainSectors)], /past the end of main/],
    [[{ first: 1, length: 1, slot: 1, state: "remapped" }], /slot out of range/],
    [[{ first: 1, length: 1, slot: 0, state: "main" }], /unknown state/],
    [[1, 2].map((first) => ({ first, length: 1, slot, state: "remapped" })), /used twice/],
    [Array.from({ length: 30_000 }, (_, at) => pending(at * 2)), /more entries than/],
  ];
  for (const [extents, message] of wrong) {
    assert.throws(() => writeMetadata(k.image, FIELDS, extents), { name: "RangeError", message });
  }
  const name = "x".repeat(128);
  assert.throws(() => writeMetadata(k.image, { ...FIELDS, name }, []), RangeError);
  assert.throws(() => writeMetadata(k.image, { ...FIELDS, mainSectors: 0 }, []), RangeError);
  assert.throws(() => formatMetadata(k.image, { ...GEOMETRY, spareSectors: 8 }, {}), RangeError);
  assert.deepEqual(k.image.bytes, before);
});

Deno.test("long runs are written in parts", () => {
  const image = new MemoryImage(BYTES);
  writeMetadata(image, FIELDS, [pending(0, 40_000)]);
  assert.deepEqual([...loadMetadata(image).extents()], [pending(0, 32768), pending(32768, 7232)]);
});

Deno.test("the parts of a long run have the parts of its slots, and bad slots stand at sector 0", () => {
  const geometry = { ...GEOMETRY, spareSectors: 2 ** 17, spareDeviceSectors: 2 ** 17 };
  const image = new MemoryImage(geometry.spareSectors * 512);
  const slot = layoutOf(geometry.spareSectors, geometry.blockSectors).slotsStart;
  const lost = { first: 7, length: 40_000, slot, state: "lost" } as const;
  const bad = { first: 0, length: 33_000, slot: slot + 40_000, state: "bad" } as const;
  writeMetadata(image, { ...FIELDS, ...geometry }, [lost, bad]);
  assert.deepEqual([...loadMetadata(image).extents()], [
    { ...lost, length: 32768 },
    { ...lost, first: 7 + 32768, length: 7232, slot: slot + 32768 },
    { ...bad, length: 32768 },
    { ...bad, length: 232, slot: slot + 40_000 + 32768 },
  ]);
});

Deno.test("formatting wipes what was there, and cannot be torn", () => {
  const image = new MemoryImage(new Uint8Array(BYTES).fill(0xa5));
  const superblock = formatMetadata(image, GEOMETRY, { name: "r0", mainId: "serial:1" });
  assert.deepEqual(loadMetadata(image).superblock, superblock);
  const end = slotsStart * 512;
  assert(image.bytes.subarray(512, end).every((byte) => byte === 0));
  assert(image.bytes.subarray(end).every((byte) => byte === 0xa5), "slots are left alone");
});
