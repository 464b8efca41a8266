// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { INCOMPAT_MOVED, INCOMPAT_UNFINISHED } from "../../cli/metadata/format.ts";
import {
  decodeSuperblock,
  encodeSuperblock,
  type Superblock,
} from "../../cli/metadata/superblock.ts";
import { writeMetadata } from "../../cli/metadata/write.ts";
import { SECTOR_BYTES, stamps } from "../model/stamps.ts";
import { freshImages, geometryOf, LAYOUTS, MAIN_SECTORS, SPARES } from "./layout.ts";
import { Promises } from "./promises.ts";
import type { Spare } from "./spares.ts";
import { judge, Stand, Verdict } from "./verdict.ts";

const SEED = 7;
const UUIDS = ["01234567-89ab-cdef-0123-456789abcdef", "fedcba98-7654-3210-0123-456789abcdef"];

/** Sectors 10 and 11 of write 5 are relocated, on the first spare. */
function devices() {
  const media = freshImages(SEED).map((image) => ({ image }));
  const stand = new Stand(geometryOf(SEED), media);
  fill(stand, 0);
  const { table } = stand.load();
  const contents = table.spots.map((spot, sector) => stand.stamp(sector, spot));
  return { stand, promises: new Promises(table, contents, true) };
}

function fill(stand: Stand, spare: Spare): void {
  const slot = LAYOUTS[spare].slotsStart + 16 * spare;
  writeTable(stand, spare, 10);
  stand.spares[spare].image.write(slot * SECTOR_BYTES, stamps(SEED, 10, 2, 5));
}

function writeTable(
  stand: Stand,
  spare: Spare,
  first: number,
  linked: { readonly linkedUuid?: string; readonly linkedGeneration?: number } = {},
): void {
  const { image } = stand.spares[spare];
  const { start, sectors } = SPARES[spare];
  const slot = LAYOUTS[spare].slotsStart + 16 * spare;
  writeMetadata(image, {
    ...linked,
    uuid: UUIDS[spare]!,
    blockSectors: 1,
    mainStart: 0,
    mainSectors: MAIN_SECTORS,
    mainDeviceSectors: MAIN_SECTORS,
    spareStart: start,
    spareSectors: sectors,
    spareDeviceSectors: start + sectors,
  }, [{ first, length: 2, slot, state: "remapped" }]);
}

/** Both superblocks of a spare, changed. */
function change(stand: Stand, spare: Spare, fields: Partial<Superblock>): void {
  const { image } = stand.spares[spare];
  for (const copy of [0, 1]) {
    const decoded = decodeSuperblock(image.read(copy * 4096, 4096));
    assert.ok(decoded.kind === "sound");
    image.write(copy * 4096, encodeSuperblock({ ...decoded.superblock, ...fields }));
  }
}

const begins = (promises: Promises) =>
  promises.begin({ type: "begin", op: 1, kind: "migrate", ranges: [] });
const ends = (promises: Promises, ok: boolean) =>
  promises.end({ type: "end", op: 1, ok, places: [] });

function finds(stand: Stand, promises: Promises, check: string, pattern: RegExp): void {
  assert.throws(
    () => judge(stand, promises, true),
    (error) => error instanceof Verdict && error.check === check && pattern.test(error.message),
  );
}

Deno.test("while a migration goes on, the old spare counts and the new one is refused", () => {
  const { stand, promises } = devices();
  begins(promises);
  judge(stand, promises, true);
  fill(stand, 1);
  change(stand, 1, { linkedUuid: UUIDS[0]!, incompat: INCOMPAT_UNFINISHED });
  judge(stand, promises, true);
  ends(promises, true);
  finds(stand, promises, "spares", /spare 0, which does not count/);
});

Deno.test("between the commit and the tombstones both count, and are equal", () => {
  const { stand, promises } = devices();
  begins(promises);
  fill(stand, 1);
  finds(stand, promises, "spares", /neither names the other/);
  change(stand, 1, { linkedUuid: UUIDS[0]!, linkedGeneration: 9 });
  judge(stand, promises, true);
  const slot = LAYOUTS[1].slotsStart + 16;
  stand.spares[1].image.write(slot * SECTOR_BYTES, stamps(SEED, 10, 1, 4));
  finds(stand, promises, "content", /write 4 of sector 10/);
  stand.spares[1].image.write(slot * SECTOR_BYTES, stamps(SEED, 10, 2, 5));
  judge(stand, promises, true);
  writeTable(stand, 1, 9, { linkedUuid: UUIDS[0]!, linkedGeneration: 9 });
  finds(stand, promises, "spares", /sector 9 is main .*remapped/);
});

Deno.test("after a migration the old spare is refused, and the new one has everything", () => {
  const { stand, promises } = devices();
  begins(promises);
  fill(stand, 1);
  change(stand, 1, { linkedUuid: UUIDS[0]!, linkedGeneration: 9 });
  ends(promises, true);
  finds(stand, promises, "spares", /spare 0, which does not count, can be loaded, too/);
  change(stand, 0, { linkedUuid: UUIDS[1]!, incompat: INCOMPAT_MOVED });
  judge(stand, promises, true);
  const slot = LAYOUTS[1].slotsStart + 16;
  stand.spares[1].image.write(slot * SECTOR_BYTES, stamps(SEED, 10, 1, 4));
  finds(stand, promises, "content", /write 4 of sector 10/);
});

Deno.test("a migration that has failed leaves the old spare alone", () => {
  const { stand, promises } = devices();
  begins(promises);
  ends(promises, false);
  judge(stand, promises, true);
  fill(stand, 1);
  change(stand, 1, { linkedUuid: UUIDS[0]!, linkedGeneration: 9 });
  finds(stand, promises, "spares", /spare 1, which does not count/);
  change(stand, 0, { linkedUuid: UUIDS[1]!, incompat: INCOMPAT_MOVED });
  finds(stand, promises, "spares", /spare 1, which does not count/);
});
