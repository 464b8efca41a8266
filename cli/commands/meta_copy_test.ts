// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "../../ffi/errors.ts";
import type { Extent, ExtentState } from "../metadata/extent.ts";
import { MemoryImage } from "../metadata/image.ts";
import type { Salvage } from "../metadata/repair.ts";
import { countExtents } from "../metadata/text.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { copyContent } from "./meta_copy.ts";

const SECTORS = 16_384;
const EMPTY = 0xee;

/** Each sector is filled with its number; some cannot be read. */
function spare(bad: readonly number[] = []): MemoryImage {
  const image = new MemoryImage(SECTORS * 512);
  for (let sector = 0; sector < SECTORS; sector++) {
    image.bytes.fill(sector % 200 + 1, sector * 512, (sector + 1) * 512);
  }
  const read = image.read.bind(image);
  image.read = (offset, length) => {
    const [first, end] = [offset / 512, (offset + length) / 512];
    if (bad.some((sector) => sector >= first && sector < end)) throw new Error("medium error");
    return read(offset, length);
  };
  return image;
}

function saved(extents: readonly Extent[], blockSectors: number): Salvage {
  const fields = { blockSectors, spareSectors: SECTORS } as Salvage["fields"];
  return { fields, extents, counts: countExtents(extents), sources: [], losses: [] };
}

const run = (first: number, length: number, slot: number, state: ExtentState = "remapped") => ({
  first,
  length,
  slot,
  state,
});

async function copy(extents: readonly Extent[], bad: readonly number[], blockSectors = 1) {
  const to = new MemoryImage(SECTORS * 512);
  to.bytes.fill(EMPTY);
  const { signal } = new AbortController();
  const copied = await copyContent(spare(bad), to, saved(extents, blockSectors), signal);
  return { ...copied, at: (sector: number) => to.bytes[sector * 512] };
}

Deno.test("a slot that cannot be read makes its sector lost, and no sector beside it", async () => {
  const { extents, losses, counts, at } = await copy([run(100, 10, 5000)], [5003, 5004, 5009]);
  assert.deepEqual(extents, [
    run(100, 3, 5000),
    run(103, 1, 5003, "unreadable"),
    run(104, 1, 5004, "unreadable"),
    run(105, 4, 5005),
    run(109, 1, 5009, "unreadable"),
  ]);
  const [loss, ...more] = losses;
  assert.deepEqual([loss?.code, more], ["slot-unreadable", []]);
  assert.deepEqual(loss?.ranges.map(({ first, length }) => `${first}+${length}`), [
    ...["103+1", "104+1", "109+1"],
  ]);
  assert.deepEqual([counts.remapped, counts.lost], [10, 3]);
  for (let slot = 5000; slot < 5010; slot++) {
    const isBad = [5003, 5004, 5009].includes(slot);
    assert.equal(at(slot), isBad ? EMPTY : slot % 200 + 1, `slot ${slot}`);
  }
});

Deno.test("a device that goes while it is copied has not lost what is on it", async () => {
  const [EIO, ENODEV] = [5, 19];
  for (const errno of [EIO, ENODEV]) {
    const from = spare();
    from.read = () => {
      throw new SystemError("read", "/dev/sdc", errno);
    };
    const to = new MemoryImage(SECTORS * 512);
    const { signal } = new AbortController();
    const copying = copyContent(from, to, saved([run(100, 2, 5000)], 1), signal);
    if (errno === ENODEV) await assert.rejects(copying, SystemError);
    else assert.equal((await copying).counts.lost, 2);
  }
});

Deno.test("logical blocks are lost as a whole, and long runs are looked at to their end", async () => {
  const { extents } = await copy([run(0, 6000, 4096)], [4099, 4096 + 5999], 8);
  assert.deepEqual(extents, [
    run(0, 8, 4096, "unreadable"),
    run(8, 5984, 4104),
    run(5992, 8, 4096 + 5992, "unreadable"),
  ]);
});

Deno.test("what has no content is not read, and stays what it is", async () => {
  const extents = [
    run(10, 2, 5000, "lost"),
    run(20, 2, 5010, "unreadable"),
    run(30, 2, 0, "pending"),
    run(40, 2, 0, "wrong"),
    run(50, 2, 5020, "wrong_slot"),
    run(0, 4, 5030, "bad"),
  ];
  const { extents: after, losses, at } = await copy(extents, [5000, 5010, 5030]);
  assert.deepEqual([after, losses], [extents, []]);
  assert.deepEqual([5000, 5010, 5030].map(at), [EMPTY, EMPTY, EMPTY]);
  assert.equal(at(5020), 5020 % 200 + 1, "its content may still be of use");
});

Deno.test("an interrupt is heard before everything is copied", async () => {
  const to = new MemoryImage(SECTORS * 512);
  const many = Array.from({ length: 5 }, (_, at) => run(at * 10, 1, 5000 + at));
  const copying = copyContent(spare(), to, saved(many, 1), AbortSignal.abort());
  await assert.rejects(copying, InterruptedError);
});
