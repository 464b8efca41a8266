// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MemoryImage } from "../../../cli/metadata/image.ts";
import { layoutOf } from "../../../cli/metadata/layout.ts";
import { Life } from "../../../cli/metadata/repair_fixture.ts";
import { formatMetadata } from "../../../cli/metadata/write.ts";
import type { Event } from "../../crash/recording.ts";
import { MAIN_SECTORS, SPARE_SECTORS, UNIT } from "./layout.ts";
import { compose, crashStates, finalImages, MOUNTED } from "./states.ts";

Deno.test("relocated sectors come from their slots, all others from main", () => {
  const life = new Life();
  const { slotsStart } = life.layout;
  life.commit({ first: 3, length: 2, slot: slotsStart + 6, state: "remapped" });
  life.image.bytes.fill(7, (slotsStart + 6) * 512, (slotsStart + 8) * 512);
  const main = new Uint8Array(8 * 512).fill(1);
  const { image, relocated } = compose(main, life.image.bytes);
  assert.equal(relocated, 2);
  const sectors = Array.from({ length: 8 }, (_, i) => image[i * 512 + 100]);
  assert.deepEqual(sectors, [1, 1, 1, 7, 7, 1, 1, 1]);
  assert.equal(main[3 * 512], 1);
});

Deno.test("a table that cannot be read, or that has lost something, is an error", () => {
  const life = new Life();
  const { slotsStart } = life.layout;
  life.commit({ first: 3, length: 1, slot: slotsStart, state: "lost" });
  assert.throws(() => compose(new Uint8Array(4096), life.image.bytes), /sector 3 is lost/);
  assert.throws(() => compose(new Uint8Array(4096), new Uint8Array(4 << 20)), /the metadata/);
});

/** A blank table, then a mounted life: four blocks of main are written, then flushed one by one. */
function recording(): Event[] {
  const spare = new MemoryImage(SPARE_SECTORS * 512);
  const geometry = {
    ...{ blockSectors: UNIT, mainStart: 0, spareStart: 0 },
    ...{ mainSectors: MAIN_SECTORS, mainDeviceSectors: MAIN_SECTORS },
    ...{ spareSectors: SPARE_SECTORS, spareDeviceSectors: SPARE_SECTORS },
  };
  const uuid = "01234567-89ab-cdef-0123-456789abcdef";
  formatMetadata(spare, geometry, { uuid, name: "r0" });
  const { slotsStart } = layoutOf(SPARE_SECTORS, UNIT);
  const metadata = spare.bytes.subarray(0, slotsStart * 512);
  const plain = { fua: false, preflush: false } as const;
  const events: Event[] = [
    { kind: "write", device: 1, id: 1, sector: 0, data: metadata, fua: true, preflush: false },
    { kind: "done", device: 1, id: 1, failed: false },
    { kind: "mark", mark: { type: "begin", op: MOUNTED, kind: "create", ranges: [] } },
  ];
  for (let block = 0; block < 4; block++) {
    const id = 10 + 2 * block;
    const data = new Uint8Array(UNIT * 512).fill(block + 1);
    events.push(
      { kind: "mark", mark: { type: "begin", op: block + 1, kind: "write", ranges: [] } },
      { kind: "write", device: 0, id, sector: block * UNIT, data, ...plain },
      { kind: "done", device: 0, id, failed: false },
      { kind: "flush", device: 0, id: id + 1 },
      { kind: "done", device: 0, id: id + 1, failed: false },
      { kind: "mark", mark: { type: "end", op: block + 1, ok: true, places: [] } },
    );
  }
  return events;
}

Deno.test("states are spread over the moments, with nothing or everything of what was volatile", () => {
  const states = [...crashStates(recording(), 8, 1)];
  assert.equal(states.length, 8);
  const blocks = states.map(({ image }) =>
    Array.from({ length: 4 }, (_, block) => image[block * UNIT * 512])
  );
  // Before the flush of the first block: it is not there, and then it is.
  assert.deepEqual(blocks.slice(0, 2), [[0, 0, 0, 0], [1, 0, 0, 0]]);
  for (const [index, { begun, ended }] of states.entries()) {
    assert.equal(begun.size - ended.size, 1);
    // What had ended is there in every state.
    for (const op of ended) assert.equal(blocks[index]![op - 1], op);
  }
  assert.equal(states.at(-1)!.ended.size, 3);
});

Deno.test("in the end all that was written is there", () => {
  const [main] = finalImages(recording());
  assert.deepEqual([0, 1, 2, 3].map((block) => main![block * UNIT * 512]), [1, 2, 3, 4]);
});
