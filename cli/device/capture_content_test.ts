// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "../../ffi/errors.ts";
import { type SlotData, type SnapshotEntry } from "../store/types.ts";
import { type ContentFile, noLosses, readContent } from "./capture_content.ts";

const EIO = 5;
const ENODEV = 19;

/** Every byte of a sector is the sector's number; some sectors fail. */
class FakeFile implements ContentFile {
  reads: string[] = [];
  running = 0;
  most = 0;

  constructor(readonly bad: readonly number[] = [], readonly errno = EIO) {}

  async read(offset: bigint, length: number): Promise<Uint8Array> {
    const [first, count] = [Number(offset) / 512, length / 512];
    this.reads.push(`${first}+${count}`);
    this.most = Math.max(this.most, ++this.running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.running--;
    const sectors = Array.from({ length: count }, (_, index) => first + index);
    if (sectors.some((sector) => this.bad.includes(sector))) {
      throw new SystemError("read", "/dev/mapper/r0", this.errno);
    }
    return new Uint8Array(sectors.flatMap((sector) => new Array<number>(512).fill(sector % 251)));
  }
}

const entry = (
  first: number,
  length: number,
  state: SnapshotEntry["state"] = "remapped",
): SnapshotEntry => ({ first, length, state, slot: state === "pending" ? 0 : first + 9000 });

async function read(file: FakeFile, entries: SnapshotEntry[], blockSectors = 1) {
  const losses = noLosses();
  const pieces = await Array.fromAsync(readContent(file, entries, { blockSectors, losses }));
  return { pieces, losses };
}

function sectorsOf(pieces: readonly SlotData[]): string[] {
  return pieces.map(({ first, length, bytes }) => {
    assert.equal(bytes.length, length * 512);
    assert.ok(bytes.every((byte, at) => byte === (first + Math.floor(at / 512)) % 251));
    return `${first}+${length}`;
  });
}

Deno.test("runs are read in pieces of 64 KiB that end at multiples of that", async () => {
  const file = new FakeFile();
  const { pieces, losses } = await read(file, [entry(100, 300), entry(1000, 1)]);
  assert.deepEqual(sectorsOf(pieces), ["100+28", "128+128", "256+128", "384+16", "1000+1"]);
  assert.deepEqual(losses, { lostSectors: 0, unreadableSectors: 0 });
});

Deno.test("what the table says to be lost is not even tried", async () => {
  const file = new FakeFile();
  const states = ["lost", "unreadable", "pending", "wrong", "wrong_slot"] as const;
  const entries = states.map((state, index) => entry(index * 10, 2, state));
  const { pieces, losses } = await read(file, entries);
  assert.deepEqual([pieces.length, file.reads.length, losses.lostSectors], [0, 0, 10]);
});

Deno.test("bad blocks stand alone, and all around them is kept", async () => {
  const { pieces, losses } = await read(new FakeFile([131, 132, 255]), [entry(128, 128)]);
  const kept = sectorsOf(pieces).flatMap((text) => {
    const [first = 0, length = 0] = text.split("+").map(Number);
    return Array.from({ length }, (_, index) => first + index);
  });
  const all = Array.from({ length: 128 }, (_, index) => 128 + index);
  assert.deepEqual(kept, all.filter((sector) => ![131, 132, 255].includes(sector)));
  assert.equal(losses.unreadableSectors, 3);
});

Deno.test("what comes back shorter than it was asked for is no content", async () => {
  const whole = new FakeFile();
  const end = 140;
  const short: ContentFile = {
    async read(offset, length) {
      const bytes = await whole.read(offset, length);
      return bytes.subarray(0, Math.max(0, Math.min(length, end * 512 - Number(offset))));
    },
  };
  const losses = noLosses();
  const options = { blockSectors: 1, losses };
  const pieces = await Array.fromAsync(readContent(short, [entry(128, 20)], options));
  const kept = pieces.flatMap(({ first, length }) =>
    Array.from({ length }, (_, index) => first + index)
  );
  sectorsOf(pieces);
  assert.deepEqual(kept, Array.from({ length: end - 128 }, (_, index) => 128 + index));
  assert.equal(losses.unreadableSectors, 148 - end);
});

Deno.test("blocks of eight sectors are not cut", async () => {
  const file = new FakeFile([19]);
  const { losses, pieces } = await read(file, [entry(0, 40)], 8);
  assert.equal(losses.unreadableSectors, 8);
  assert.ok(
    file.reads.every((text) => text.split("+").every((number) => Number(number) % 8 === 0)),
  );
  assert.equal(sectorsOf(pieces).length > 1, true);
});

Deno.test("a device that is gone is no unreadable sector", async () => {
  const file = new FakeFile([3], ENODEV);
  await assert.rejects(read(file, [entry(0, 8), entry(100, 8)]), /ENODEV|19/);
  assert.equal(file.running, 0);
});

Deno.test("several requests are under way, and none is left when the reader stops", async () => {
  const file = new FakeFile();
  const many = Array.from({ length: 60 }, (_, index) => entry(index * 200, 8));
  const content = readContent(file, many, { blockSectors: 1, losses: noLosses() });
  for await (const _piece of content) break;
  assert.deepEqual([file.running, file.most], [0, 16]);
});

Deno.test("a signal stops it", async () => {
  const options = { blockSectors: 1, losses: noLosses(), signal: AbortSignal.abort("enough") };
  const content = readContent(new FakeFile(), [entry(0, 8)], options);
  await assert.rejects(Array.fromAsync(content), (reason) => reason === "enough");
});
