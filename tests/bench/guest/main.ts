// SPDX-License-Identifier: GPL-2.0-only
//
// The guest's part: `main.ts io|scan|million|metadata...`. Every measurement goes to the channel as it is made.
import { ORDERS } from "../cases.ts";
import { measureMetadata } from "./metadata.ts";
import { ENTRY_DISTANCE, ENTRY_OFFSET, MEASURED_SECTORS, Rig, type Segment } from "./rig.ts";
import { shuffled } from "./shuffle.ts";

const ENTRIES = 1000;
const MILLION = 1_000_000;
const BATCH = 1000;
/** Entries of the million lie this far apart. */
const MILLION_DISTANCE = 64;
/** One extent for all I/O to hit: 64 MiB. */
const EXTENT_SECTORS = 131_072;

const sectorsOf = (count: number, from: number, distance: number) =>
  Array.from({ length: count }, (_, index) => from + index * distance + ENTRY_OFFSET);

/** What all else is compared with. */
async function measureLinear(rig: Rig): Promise<void> {
  rig.createLinear("linear", [[rig.main, 0, MEASURED_SECTORS]]);
  await rig.measure({ case: "linear", device: "/dev/mapper/linear" });
  rig.remove("linear");
}

async function measureOthers(rig: Rig): Promise<void> {
  await rig.measure({ case: "brd", device: rig.main });
  rig.createLinear("stitched", stitches(rig));
  await rig.measure({ case: "stitched", device: "/dev/mapper/stitched" });
  rig.remove("stitched");
}

/** What relocating the same sectors comes to with dm-linear alone. */
function stitches(rig: Rig): Segment[] {
  const segments: Segment[] = [];
  let position = 0;
  for (const [slot, entry] of sectorsOf(ENTRIES, 0, ENTRY_DISTANCE).entries()) {
    segments.push([rig.main, position, entry - position], [rig.spare, slot, 1]);
    position = entry + 1;
  }
  return [...segments, [rig.main, position, MEASURED_SECTORS - position]];
}

async function measureRemap(rig: Rig): Promise<void> {
  const device = "/dev/mapper/remap";
  rig.createRemap("remap", 2 * MEASURED_SECTORS, rig.spare, MEASURED_SECTORS);
  await rig.measure({ case: "empty", device });

  const elsewhere = sectorsOf(ENTRIES, MEASURED_SECTORS, ENTRY_DISTANCE);
  await rig.remap("remap", elsewhere);
  await rig.measure({ case: "miss_thousand", device });
  await rig.clear("remap");

  await rig.timeRemap("batch", "remap", sectorsOf(ENTRIES, 0, ENTRY_DISTANCE));
  await rig.measure({ case: "cut", device });
  await rig.clear("remap");

  await rig.timeRemap("run", "remap", [0], EXTENT_SECTORS);
  await rig.measure({ case: "hit_alone", device, sectors: EXTENT_SECTORS });
  await rig.remap("remap", elsewhere);
  await rig.measure({ case: "hit_before_others", device, sectors: EXTENT_SECTORS });

  for (let sector = 0; sector < 20; sector++) {
    await rig.timeRemap("single", "remap", [EXTENT_SECTORS + 64 * sector]);
  }
  await rig.clear("remap");

  const first = MEASURED_SECTORS / 2;
  await rig.remap("remap", [first], EXTENT_SECTORS);
  await rig.remap("remap", sectorsOf(ENTRIES / 2, 0, ENTRY_DISTANCE / 2));
  await rig.remap("remap", elsewhere.slice(0, ENTRIES / 2));
  await rig.measure({ case: "hit_between_others", device, first, sectors: EXTENT_SECTORS });
  rig.remove("remap");
}

async function measureScans(rig: Rig): Promise<void> {
  rig.createRemap("scanned", MEASURED_SECTORS, rig.spare, MEASURED_SECTORS);
  await rig.measureScan("scanned", MEASURED_SECTORS);
  rig.remove("scanned");
}

async function measureMillion(rig: Rig): Promise<void> {
  const sectors = MEASURED_SECTORS + MILLION * MILLION_DISTANCE;
  const entries = sectorsOf(MILLION, MEASURED_SECTORS, MILLION_DISTANCE);
  // A slot is in the same place of its 4 KiB block as its sector, so the spare is that large.
  rig.createRemap("remap", sectors, rig.sink, MILLION * 16);
  for (const order of ORDERS) {
    const before = await rig.nodeBytes();
    const inOrder = order === "random" ? shuffled(entries, 1) : entries;
    for (let start = 0; start < inOrder.length; start += BATCH) {
      // One message takes ascending sectors only.
      await rig.remap("remap", inOrder.slice(start, start + BATCH).sort((a, b) => a - b));
    }
    const bytes = await rig.nodeBytes() - before;
    rig.record({ kind: "memory", order, entries: entries.length, node_bytes: bytes });
    if (order === "ascending") {
      await rig.measure({ case: "miss_million", device: "/dev/mapper/remap" });
      await rig.clear("remap");
    }
  }
  // With all its entries: the kernel must live through that, too.
  rig.remove("remap");
  await rig.nodeBytes();
}

using rig = await Rig.open();
if (Deno.args.includes("io") || Deno.args.includes("million")) await measureLinear(rig);
if (Deno.args.includes("io")) {
  await measureOthers(rig);
  await measureRemap(rig);
}
if (Deno.args.includes("scan")) await measureScans(rig);
if (Deno.args.includes("million")) await measureMillion(rig);
if (Deno.args.includes("metadata")) await measureMetadata(rig);
