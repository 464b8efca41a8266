// SPDX-License-Identifier: GPL-2.0-only
//
// What it costs that the table lasts: the writes of a commit, a checkpoint, and reading it all at
// the start. The tables are written by the tool, so that a million entries need no million moves.
import { DirectFile } from "../../../ffi/direct_file.ts";
import type { Extent } from "../../../cli/metadata/extent.ts";
import { type Image, openImage } from "../../../cli/metadata/image.ts";
import { layoutOf } from "../../../cli/metadata/layout.ts";
import { writeMetadata } from "../../../cli/metadata/write.ts";
import { type Cause, TABLE_SIZES } from "../cases.ts";
import { CommandError, ENTRY_OFFSET, MEASURED_SECTORS, type Rig, run, wait } from "./rig.ts";

const LARGEST = Math.max(...TABLE_SIZES);
/** Entries lie this far apart, behind what is relocated while somebody counts. */
const DISTANCE = 64;
const MAIN_SECTORS = MEASURED_SECTORS + LARGEST * DISTANCE;
/** Room for the entries, each in a slot beside the last, and for more. */
const SPARE_SECTORS = 1_400_000 - 1_400_000 % 2048;
const DEVICE = "persistent";
/** Fewer than the ring has blocks: no checkpoint comes in between. */
const RELOCATIONS = 64;
/** Sectors of main that refuse everything. */
const BAD = { first: 400_000, count: RELOCATIONS };

/** A disk that counts what it is asked for, with a cache that has to be flushed. */
class CountedSpare {
  static readonly #folder = "/sys/kernel/config/nullb/counted";
  readonly path = "/dev/counted";

  static make(): CountedSpare {
    run(
      "sh",
      "-c",
      "mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config",
    );
    Deno.mkdirSync(this.#folder);
    const values = { size: SPARE_SECTORS / 2048, blocksize: 512, memory_backed: 1, cache_size: 64 };
    for (const [key, value] of Object.entries({ ...values, irqmode: 0, power: 1 })) {
      Deno.writeTextFileSync(`${this.#folder}/${key}`, `${value}`);
    }
    return new CountedSpare();
  }

  counters(): Counters {
    const fields = Deno.readTextFileSync("/sys/block/counted/stat").trim().split(/\s+/).map(Number);
    const at = (index: number) => fields[index] ?? NaN;
    return { writes: at(4), sectors: at(6), flushes: at(15) };
  }
}

interface Counters {
  readonly writes: number;
  readonly sectors: number;
  readonly flushes: number;
}

function difference(after: Counters, before: Counters): Counters {
  return {
    writes: after.writes - before.writes,
    sectors: after.sectors - before.sectors,
    flushes: after.flushes - before.flushes,
  };
}

function* scattered(count: number): Iterable<Extent> {
  const { slotsStart } = layoutOf(SPARE_SECTORS, 1);
  for (let index = 0; index < count; index++) {
    const first = MEASURED_SECTORS + index * DISTANCE + ENTRY_OFFSET;
    yield { first, length: 1, slot: slotsStart + index, state: "remapped" };
  }
}

/** Metadata of a device that has met all that. */
function writeTable(rig: Rig, path: string, entries: number): void {
  using image: Image = openImage(path, { write: true });
  writeMetadata(image, {
    uuid: "6c8b2f6e-5b1c-4d0e-9a63-2f1d4c7b8a90",
    ...{ blockSectors: 1, mainStart: 0, mainSectors: MAIN_SECTORS, spareStart: 0 },
    mainDeviceSectors: sectorsOf(rig.main),
    ...{ spareSectors: SPARE_SECTORS, spareDeviceSectors: sectorsOf(path) },
  }, scattered(entries));
  image.sync();
}

function sectorsOf(path: string): number {
  return Number(run("blockdev", "--getsz", path));
}

/** Loads the table; reading the metadata is the resume's part. */
async function create(rig: Rig, main: string, spare: string): Promise<number> {
  const features = ["max_remaps", "0", "retries", "1", "retry_delay_ms", "0"];
  const words = [main, 0, spare, 0, SPARE_SECTORS, features.length, ...features];
  await rig.dm.create(DEVICE);
  await rig.dm.reload(DEVICE, [
    { start: 0n, length: BigInt(MAIN_SECTORS), type: "remap", params: words.join(" ") },
  ]);
  await wait(500);
  const started = performance.now();
  await rig.dm.resume(DEVICE);
  return Math.round((performance.now() - started) * 1e6);
}

async function stat(rig: Rig, key: string): Promise<number> {
  const match = new RegExp(`^${key}=(\\d+)$`, "m").exec(
    await rig.dm.message(DEVICE, 0n, "stats") ?? "",
  );
  if (match === null) throw new CommandError(`stats has no ${key}`);
  return Number(match[1]);
}

async function measureActivation(rig: Rig, entries: number): Promise<void> {
  writeTable(rig, rig.spare, entries);
  const before = await rig.nodeBytes();
  const instructions = await create(rig, rig.main, rig.spare);
  const remapped = await stat(rig, "remapped");
  if (remapped !== entries) throw new CommandError(`${remapped} relocated instead of ${entries}`);
  const node_bytes = await rig.nodeBytes() - before;
  rig.record({ kind: "activation", entries, instructions, node_bytes });
  rig.remove(DEVICE);
}

const relocators: Readonly<Record<Cause, (rig: Rig, index: number) => Promise<void>>> = {
  message: (rig, index) => rig.remap(DEVICE, [512 * index + ENTRY_OFFSET]),
  failed_write: async (_rig, index) => {
    using file = DirectFile.open(`/dev/mapper/${DEVICE}`, { write: true });
    await file.write(BigInt(BAD.first + index) * 512n, new Uint8Array(512));
  },
};

async function measureCommits(
  rig: Rig,
  spare: CountedSpare,
  cause: Cause,
  entries: number,
): Promise<void> {
  const [counters, metadata] = [spare.counters(), await stat(rig, "metadata_writes")];
  for (let index = 0; index < RELOCATIONS; index++) await relocators[cause](rig, index);
  rig.record({
    ...{ kind: "commit", cause, entries, relocations: RELOCATIONS },
    ...difference(spare.counters(), counters),
    metadata_writes: await stat(rig, "metadata_writes") - metadata,
  });
}

async function measureCheckpoint(rig: Rig, spare: CountedSpare, entries: number): Promise<void> {
  const counters = spare.counters();
  const started = performance.now();
  await rig.dm.message(DEVICE, 0n, "save");
  const instructions = Math.round((performance.now() - started) * 1e6);
  const { writes, sectors } = difference(spare.counters(), counters);
  const ring_blocks = await stat(rig, "journal_blocks");
  rig.record({ kind: "checkpoint", entries, writes, sectors, instructions, ring_blocks });
}

/** A main with bad sectors, and a spare that counts. */
async function measureWrites(rig: Rig, spare: CountedSpare, entries: number): Promise<void> {
  writeTable(rig, spare.path, entries);
  await create(rig, "/dev/mapper/refusing", spare.path);
  await measureCommits(rig, spare, "message", entries);
  await measureCommits(rig, spare, "failed_write", entries);
  await measureCheckpoint(rig, spare, entries);
  rig.remove(DEVICE);
}

export async function measureMetadata(rig: Rig): Promise<void> {
  const end = BAD.first + BAD.count;
  const table = [
    `0 ${BAD.first} linear ${rig.main} 0`,
    `${BAD.first} ${BAD.count} error`,
    `${end} ${sectorsOf(rig.main) - end} linear ${rig.main} ${end}`,
  ];
  Deno.writeTextFileSync("/tmp/refusing", table.join("\n"));
  run("dmsetup", "create", "refusing", "/tmp/refusing");
  const spare = CountedSpare.make();
  for (const entries of TABLE_SIZES) {
    await measureActivation(rig, entries);
    await measureWrites(rig, spare, entries);
  }
  rig.remove("refusing");
}
