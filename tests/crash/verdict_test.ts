// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { Extent } from "../../cli/metadata/extent.ts";
import { writeMetadata } from "../../cli/metadata/write.ts";
import { SECTOR_BYTES, stamps } from "../model/stamps.ts";
import {
  freshImages,
  geometryOf,
  LAYOUTS,
  MAIN_SECTORS,
  SPARE_SECTORS,
  SPARE_START,
} from "./layout.ts";
import type { Begin, End } from "./marks.ts";
import { Promises } from "./promises.ts";
import { Table } from "./table.ts";
import { judge, Stand, Verdict } from "./verdict.ts";

const SEED = 7;
const SLOT = LAYOUTS[0].slotsStart;
const GENERATION = 2;

const relocated: Extent = { first: 10, length: 2, slot: SLOT, state: "remapped" };
const lost: Extent = { first: 30, length: 1, slot: SLOT + 2, state: "lost" };
const bad: Extent = { first: 0, length: 1, slot: SLOT + 9, state: "bad" };

/** Devices with a table, and with write 5 in the slots of sectors 10 and 11. */
function devices(extents: readonly Extent[] = [relocated, lost, bad]) {
  const media = freshImages(SEED).map((image) => ({ image }));
  const stand = new Stand(geometryOf(SEED), media);
  writeMetadata(stand.spare.image, {
    uuid: "01234567-89ab-cdef-0123-456789abcdef",
    generation: GENERATION,
    blockSectors: 1,
    mainStart: 0,
    mainSectors: MAIN_SECTORS,
    mainDeviceSectors: MAIN_SECTORS,
    spareStart: SPARE_START,
    spareSectors: SPARE_SECTORS,
    spareDeviceSectors: SPARE_START + SPARE_SECTORS,
  }, extents);
  stand.spare.image.write(SLOT * SECTOR_BYTES, stamps(SEED, 10, 2, 5));
  const { table } = stand.load();
  const contents = table.spots.map((spot, sector) => stand.stamp(sector, spot));
  return { stand, table, promises: new Promises(table, contents, true) };
}

function begin(fields: Partial<Begin>): Begin {
  return { type: "begin", op: 1, kind: "remap", ranges: [], ...fields };
}

function end(fields: Partial<End> = {}): End {
  return { type: "end", op: 1, ok: true, places: [], ...fields };
}

function finds(check: string, stand: Stand, promises: Promises, pattern: RegExp): void {
  assert.throws(
    () => judge(stand, promises, true),
    (error) => error instanceof Verdict && error.check === check && pattern.test(error.message),
  );
}

Deno.test("what is promised and there is right", () => {
  const { stand, promises, table } = devices();
  assert.equal(table.bad, 1);
  judge(stand, promises, true);
});

Deno.test("damaged metadata is found, and so is metadata that is gone", () => {
  const damaged = devices();
  damaged.stand.spare.image.bytes.fill(1, 0, 8192);
  finds("metadata", damaged.stand, damaged.promises, /./);
  const gone = devices();
  gone.stand.spare.image.bytes.fill(0, 0, SLOT * SECTOR_BYTES);
  finds("metadata", gone.stand, gone.promises, /./);
});

Deno.test("a relocation that was acknowledged and is not there is found", () => {
  const { stand, promises } = devices();
  promises.begin(begin({ ranges: [[50, 1]] }));
  judge(stand, promises, true);
  promises.end(end({ places: [[50, 1, "remapped", SLOT + 4]] }));
  finds("place", stand, promises, /sector 50 is main, not remapped/);
});

Deno.test("a relocation of half of what a message asked for is found", () => {
  const { stand, promises } = devices([relocated]);
  const before = new Promises(new Table(MAIN_SECTORS), contentsOf(promises), true);
  before.begin(begin({ ranges: [[10, 3]] }));
  finds("transaction", stand, before, /2 of 3 sectors/);
});

/** What may be in each sector, as far as two writes go. */
function contentsOf(promises: Promises): number[] {
  return Array.from({ length: MAIN_SECTORS }, (_, sector) => promises.mayHold(sector, 5) ? 5 : 0);
}

Deno.test("a slot without the data that was acknowledged is found; what was not flushed may be old", () => {
  const { stand, promises } = devices();
  promises.begin(begin({ kind: "write", ranges: [[10, 1]], sequence: 6 }));
  judge(stand, promises, true);
  promises.end(end());
  judge(stand, promises, true);
  promises.begin(begin({ op: 2, kind: "flush" }));
  judge(stand, promises, true);
  promises.end(end({ op: 2 }));
  finds("content", stand, promises, /write 5 of sector 10 .*not write 6/);
  stand.spare.image.write(SLOT * SECTOR_BYTES, stamps(SEED, 10, 1, 6));
  judge(stand, promises, true);
  stand.spare.image.write((SLOT + 1) * SECTOR_BYTES, new Uint8Array(SECTOR_BYTES));
  finds("content", stand, promises, /holds zeros/);
});

Deno.test("a lost sector that reads as something before it was written anew is found", () => {
  const { stand } = devices([relocated, { ...lost, state: "remapped" }, bad]);
  const { promises } = devices();
  finds("place", stand, promises, /sector 30 is remapped \d+, not lost/);
  promises.begin(begin({ kind: "write", ranges: [[30, 1]], sequence: 6 }));
  finds("content", stand, promises, /sector 30/);
});

Deno.test("a generation that was saved and bad slots that were known must be there", () => {
  const saved = devices();
  saved.promises.begin(begin({ kind: "save" }));
  saved.promises.end(end({ generation: GENERATION + 1 }));
  finds("generation", saved.stand, saved.promises, /generation 3 was saved/);
  const known = devices();
  known.promises.begin(begin({ kind: "save" }));
  known.promises.end(end({ bad: 2 }));
  finds("bad slots", known.stand, known.promises, /1 bad slots/);
});

Deno.test("what a read found out may be forgotten until the table is written", () => {
  const { stand, promises } = devices();
  promises.begin(begin({ kind: "read", ranges: [[60, 1]] }));
  promises.end(end({ ok: false, places: [[60, 1, "pending", -1]] }));
  judge(stand, promises, true);
  promises.begin(begin({ op: 2, kind: "save" }));
  promises.end(end({ op: 2 }));
  finds("place", stand, promises, /sector 60 is main, not pending/);
});
