// SPDX-License-Identifier: GPL-2.0-only
// Random parts of the format, near the limits more often than not.
import fc from "fast-check";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { BLOCK_ENTRIES, MAX_SECTORS } from "../../cli/metadata/format.ts";
import type { Superblock } from "../../cli/metadata/superblock.ts";
import type { Numbers } from "./library.ts";

export const blockSectors = fc.constantFrom(1, 2, 4, 8);
const counter = fc.oneof(fc.nat(5), fc.maxSafeInteger().map(Math.abs));
const u32 = fc.nat(0xffffffff);

/** Of any size up to 128 PiB, with small ones as likely as large ones. */
export const sectors = fc.tuple(fc.nat(48), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bits, part]) => Math.floor(2 ** bits * (1 + part)) % (MAX_SECTORS + 1));

export const uuid = fc.uuid();

function text(size: number) {
  return fc.string({ unit: "binary", maxLength: size - 1 })
    .map((string) => string.replaceAll("\0", "").toWellFormed())
    .filter((string) => new TextEncoder().encode(string).length < size);
}

/** What fits into the structure, whether it makes sense or not. */
export const anySuperblock: fc.Arbitrary<Superblock> = fc.record({
  uuid,
  sequence: counter,
  generation: counter,
  salt: u32,
  remapped: counter,
  blockSectors,
  mainStart: sectors,
  mainSectors: sectors,
  mainDeviceSectors: sectors,
  spareStart: sectors,
  spareSectors: sectors,
  spareDeviceSectors: sectors,
  checkpoint: fc.constantFrom(0, 1),
  checkpointUsed: counter,
  entries: counter,
  lost: counter,
  pending: counter,
  bad: counter,
  created: counter,
  written: counter,
  name: text(128),
  mainId: text(128),
  args: text(1024),
  incompat: fc.constant(0),
  roCompat: u32,
  compat: u32,
  linkedUuid: fc.oneof(fc.constant(""), uuid),
  linkedGeneration: counter,
});

/** In `incompat`: what makes a superblock one of a migration, what nobody knows yet, and nothing. */
export const features = fc.constantFrom(0, 1, 2, 3, 4, 0x80000000);

/** One that passes the check. */
export const soundSuperblock: fc.Arbitrary<Superblock> = fc.record({
  any: anySuperblock,
  extra: fc.nat(1_000_000),
  used: fc.double({ min: 0, max: 1, noNaN: true }),
  entries: fc.double({ min: 0, max: 1, noNaN: true }),
  generation: fc.oneof(fc.nat(4).map((n) => n + 1), fc.integer({ min: 1, max: MAX_SECTORS - 1 })),
}).map(({ any, extra, used, entries, generation }) => {
  const unit = any.blockSectors;
  // The least that has a slot.
  let spareSectors = 64 * unit;
  while (layoutOf(spareSectors, unit).slots === 0) spareSectors += 8;
  spareSectors += extra;
  const { checkpointBlocks } = layoutOf(spareSectors, unit);
  const checkpointUsed = generation === 1 ? 0 : 1 + Math.floor(used * (checkpointBlocks - 1));
  return {
    ...any,
    generation,
    sequence: 1 + any.sequence % (MAX_SECTORS - 1),
    mainSectors: Math.max(unit, any.mainSectors - any.mainSectors % unit),
    spareSectors,
    checkpointUsed,
    entries: Math.floor(entries * checkpointUsed * BLOCK_ENTRIES),
  };
});

/** Anything that can be written into the 16 bytes. */
export const anyExtent: fc.Arbitrary<Numbers> = fc.tuple(
  sectors.map((sector) => sector % MAX_SECTORS),
  fc.nat(0xffff),
  sectors.map((sector) => sector % MAX_SECTORS),
  fc.oneof(fc.nat(9), fc.nat(0xffff)),
);

/** Those of a range, right ones and wrong ones by a hair. */
export function extentNear(
  bounds: Pick<Superblock, "blockSectors" | "mainSectors" | "spareSectors">,
): fc.Arbitrary<Numbers> {
  const { blockSectors: unit, mainSectors } = bounds;
  const { slotsStart, slots } = layoutOf(bounds.spareSectors, unit);
  const near = (from: number, to: number) =>
    fc.oneof(
      fc.nat(4).map((n) => from + n * unit),
      fc.nat(4).map((n) => Math.max(0, to - n * unit)),
      fc.nat(Math.max(0, Math.floor((to - from) / unit))).map((n) => from + n * unit),
      fc.integer({ min: -9, max: 9 }).map((n) => Math.max(0, to + n)),
      fc.integer({ min: -9, max: 9 }).map((n) => Math.max(0, from + n)),
    ).map((sector) => Math.min(sector, MAX_SECTORS - 1));
  return fc.tuple(
    fc.oneof(fc.constant(0), near(0, mainSectors)),
    fc.oneof(fc.nat(12).map((n) => n * unit), fc.nat(0xffff)),
    fc.oneof(fc.constant(0), near(slotsStart, slotsStart + slots)),
    fc.nat(8),
  );
}

/** Up to four changed bytes. */
export const mutations = fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { maxLength: 4 });

export function mutate(block: Uint8Array, changes: readonly (readonly [number, number])[]): void {
  for (const [at, byte] of changes) block[at] = byte;
}
