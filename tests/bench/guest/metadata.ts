// SPDX-License-Identifier: GPL-2.0-only
//
// What it costs that the table lasts: the writes of a commit, a checkpoint, and reading it all at
// the start. The tables come from the host; see ../tables.ts.
import { DirectFile } from "../../../ffi/direct_file.ts";
import { type Cause, TABLE_SIZES } from "../cases.ts";
import { DEVICES, tableFile } from "../tables.ts";
import { CommandError, ENTRY_OFFSET, type Rig, run, wait } from "./rig.ts";

const { mainSectors: MAIN_SECTORS, spareSectors: SPARE_SECTORS } = DEVICES;
const DEVICE = "persistent";
/** RAM disks, cut to the sizes that the tables know. */
const MAIN = "/dev/mapper/refusing";
const SPARE = "/dev/mapper/short";
/** Fewer than the ring has blocks: no checkpoint comes in between. */
const RELOCATIONS = 64;
/** Sectors of main that refuse everything. */
const BAD = { first: 400_000, count: RELOCATIONS };

/** A disk that counts what it is asked for, with a cache that has to be flushed. */
class CountedSpare {
  static readonly #folder = "/sys/kernel/config/nullb/counted";
  readonly path = "/dev/counted";

  /** Only requests of the block layer are counted, hence the queue mode. */
  static make(): CountedSpare {
    run(
      "sh",
      "-c",
      "mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config",
    );
    Deno.mkdirSync(this.#folder);
    const values = { size: SPARE_SECTORS / 2048, blocksize: 512, queue_mode: 2, cache_size: 64 };
    for (
      const [key, value] of Object.entries({ ...values, memory_backed: 1, irqmode: 0, power: 1 })
    ) {
      Deno.writeTextFileSync(`${this.#folder}/${key}`, `${value}`);
    }
    return new CountedSpare();
  }

  counters(): Counters {
    const fields = Deno.readTextFileSync("/sys/block/counted/stat").trim().split(/\s+/).map(Number);
    const at = (index: number) => fields[index] ?? NaN;
    // A flush by itself, and the target sends no others, is also counted as a write of nothing.
    return { writes: at(4) - at(15), sectors: at(6), flushes: at(15) };
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

/** Puts the metadata of a device that has met all that on a spare. */
function putTable(spare: string, entries: number): void {
  const file = tableFile(Deno.env.get("DMREMAP_TABLES") ?? "", entries);
  run("dd", `if=${file}`, `of=${spare}`, "bs=1M", "oflag=direct", "conv=fsync");
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
  putTable(SPARE, entries);
  const before = await rig.nodeBytes();
  const instructions = await create(rig, MAIN, SPARE);
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
  const counted = difference(spare.counters(), counters);
  // The data alone are as many: fewer means that nobody has counted.
  if (!(counted.writes >= RELOCATIONS)) {
    throw new CommandError(`${counted.writes} writes for ${RELOCATIONS} relocations`);
  }
  rig.record({
    ...{ kind: "commit", cause, entries, relocations: RELOCATIONS },
    ...counted,
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
  putTable(spare.path, entries);
  await create(rig, MAIN, spare.path);
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
    `${end} ${MAIN_SECTORS - end} linear ${rig.main} ${end}`,
  ];
  Deno.writeTextFileSync("/tmp/refusing", table.join("\n"));
  run("dmsetup", "create", "refusing", "/tmp/refusing");
  rig.createLinear("short", [[rig.spare, 0, SPARE_SECTORS]]);
  const spare = CountedSpare.make();
  for (const entries of TABLE_SIZES) {
    await measureActivation(rig, entries);
    await measureWrites(rig, spare, entries);
  }
  rig.remove("short");
  rig.remove("refusing");
}
