// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: what happens to a device in its life, told to the record as it goes.
import { checkMatch, codeOf } from "../../cli/selftest/check.ts";
import { Random } from "../../cli/selftest/random.ts";
import { BLOCK_SECTORS } from "../../cli/metadata/format.ts";
import type { Range } from "../suite/guest/range.ts";
import { SECTOR_BYTES, stamps } from "../model/stamps.ts";
import { LAYOUTS, MAIN_SECTORS, REGION_SECTORS, SPARES, WORKERS } from "./layout.ts";
import type { Begin, End, Kind, PlaceRow, RangeRow } from "./marks.ts";
import { migrations } from "./migrations.ts";
import type { Record, Rig } from "./rig.ts";

/** Leaves room for the others, and for what is relocated while this is being looked at. */
const MOST_RELOCATED = 420;
/** More than a journal block has entries. */
const MANY_RANGES = 262;
const LONGEST = 12;

type Extra = Partial<Pick<Begin, "sequence" | "fua">>;

/** Numbers and marks of all operations on one target. */
export class Workload {
  #op = 0;
  #sequence: number;
  /** Slots are moving: nobody knows where one is. */
  migrates = false;

  /**
   * @param seed of the stamps
   * @param firstSequence above that of any stamp on the media
   * @param course which of all courses it takes
   * @param withMigrations from one spare to the other, and back
   */
  constructor(
    readonly rig: Rig,
    readonly record: Record,
    readonly seed: number,
    firstSequence: number,
    readonly course: number,
    private readonly withMigrations: boolean,
  ) {
    this.#sequence = firstSequence;
  }

  nextSequence(): number {
    return this.#sequence++;
  }

  /** Marks an operation's begin, does it, and marks what came of it. */
  async run(
    kind: Kind,
    ranges: readonly RangeRow[],
    action: () => Promise<Partial<End> | void>,
    extra: Extra = {},
  ): Promise<End> {
    const op = ++this.#op;
    this.record.mark({ type: "begin", op, kind, ranges, ...extra });
    let ok = true;
    let told: Partial<End> = {};
    try {
      told = await action() ?? {};
    } catch (error) {
      if (!EXPECTED.has(codeOf(error) ?? "")) throw error;
      ok = false;
    }
    const places = ranges.length === 0 ? [] : await this.rig.places(ranges);
    const end: End = { type: "end", op, ok, places, ...told };
    this.record.mark(end);
    return end;
  }

  async start(): Promise<void> {
    await this.run("create", [], () => this.rig.start());
    this.record.mark({ type: "table", places: await this.rig.table() });
    const all: RangeRow = [0, MAIN_SECTORS];
    let values: readonly number[] = [];
    await this.run("read", [all], async () => {
      values = await this.rig.contents(this.seed);
    });
    this.record.mark({ type: "contents", values });
  }

  async stop(): Promise<void> {
    await this.run("remove", [], async () => {
      const bad = this.bad();
      await this.rig.stop();
      return { bad };
    });
  }

  bad(): number {
    return Number(this.rig.target.status().spareBad ?? 0n);
  }

  /** A block of the ring that cannot be written whole: half of it may be, then there is a checkpoint. */
  async #breakJournal(random: Random): Promise<Range> {
    const { journalStart, journalBlocks } = LAYOUTS[this.rig.current];
    const block = journalStart + random.below(journalBlocks);
    const first = SPARES[this.rig.current].start + block * BLOCK_SECTORS +
      random.below(BLOCK_SECTORS);
    await this.rig.spare.addFault("write", { first, count: 1 });
    return { first, count: 1 };
  }

  /** Everybody at once, so many operations each; then something that concerns all. */
  async phase(operations: number, random: Random, workers: readonly Worker[]): Promise<void> {
    this.migrates = this.withMigrations && random.below(3) > 0;
    const broken = !this.migrates && random.below(3) === 0
      ? await this.#breakJournal(random)
      : undefined;
    const migrating = this.migrates ? [migrations(this, random)] : [];
    await Promise.all([...workers.map((worker) => worker.work(operations)), ...migrating]);
    if (broken !== undefined) await this.rig.spare.heal(broken);
    this.migrates = false;
    const places = await this.rig.table();
    this.record.mark({ type: "table", places });
    for (const worker of workers) worker.learnAll(places);
    if (random.below(3) === 0) {
      await this.stop();
      await this.start();
    } else if (random.below(2) === 0) {
      await this.run("suspend", [], async () => {
        const bad = this.bad();
        await this.rig.suspendAndResume();
        return { bad };
      });
    }
    this.record.drain();
  }
}

/** What an operation may fail with: a bad sector, a full spare. */
const EXPECTED: ReadonlySet<string> = new Set(["EIO", "ENODATA", "ENOSPC"]);

/** One user of the device, of sectors that no other uses. */
export class Worker {
  readonly #random: Random;
  readonly #first: number;
  /** As told last. */
  readonly #places: { place: PlaceRow[2]; slot: number }[];
  readonly #badOnMain = new Set<number>();

  constructor(private readonly load: Workload, number: number, table: readonly PlaceRow[]) {
    this.#random = new Random((load.seed * 1009 + load.course) * WORKERS + number);
    this.#first = number * REGION_SECTORS;
    this.#places = Array.from({ length: REGION_SECTORS }, () => ({ place: "main", slot: -1 }));
    this.#learn(table);
  }

  static all(load: Workload, table: readonly PlaceRow[]): Worker[] {
    return Array.from({ length: WORKERS }, (_, number) => new Worker(load, number, table));
  }

  async work(operations: number): Promise<void> {
    for (let index = 0; index < operations; index++) await this.#step();
  }

  /** The whole table, while nothing goes on. */
  learnAll(rows: readonly PlaceRow[]): void {
    this.#places.fill({ place: "main", slot: -1 });
    this.#learn(rows);
  }

  #learn(rows: readonly PlaceRow[]): void {
    for (const [first, count, place, slot] of rows) {
      for (let index = 0; index < count; index++) {
        const at = first + index - this.#first;
        if (at < 0 || at >= REGION_SECTORS) continue;
        this.#places[at] = { place, slot: slot < 0 ? -1 : slot + index };
      }
    }
  }

  async #run(
    kind: Kind,
    ranges: readonly RangeRow[],
    action: () => Promise<Partial<End> | void>,
    extra: Extra = {},
  ): Promise<void> {
    this.#learn((await this.load.run(kind, ranges, action, extra)).places);
  }

  #relocated(): number[] {
    return this.#places.flatMap(({ slot }, at) => slot >= 0 ? [this.#first + at] : []);
  }

  #range(): RangeRow {
    const count = this.#random.between(1, LONGEST);
    return [this.#first + this.#random.below(REGION_SECTORS - count), count];
  }

  async #step(): Promise<void> {
    const relocated = this.#relocated();
    if (relocated.length > MOST_RELOCATED) return await this.#unmap([this.#first, REGION_SECTORS]);
    const dice = this.#random.below(100);
    if (dice < 18) return await this.#remap([this.#range()]);
    if (dice < 22) return await this.#remapMany();
    if (dice < 24) return await this.#remapScattered();
    if (dice < 44) return await this.#write(this.#range());
    if (dice < 58) return await this.#writeToBad();
    if (dice < 66) return await this.#readFromBad();
    if (dice < 72) return await this.#lose();
    if (dice < 77) return await this.#rewrite(["lost", "pending"]);
    if (dice < 82) return await this.#breakSlot(relocated);
    if (dice < 92) return await this.#unmap(this.#range());
    if (dice < 93) return await this.#unmap([this.#first, REGION_SECTORS]);
    if (dice < 97) return await this.#run("flush", [], () => this.load.rig.file.flush());
    await this.#run("save", [], () => this.#save());
  }

  async #save(): Promise<Partial<End>> {
    const bad = this.load.bad();
    const reply = await this.load.rig.target.send("save");
    const [, generation] = checkMatch("the reply to save", reply, /^saved=(\d+)$/);
    return { generation: Number(generation), bad };
  }

  async #remap(ranges: readonly RangeRow[]): Promise<void> {
    const rows = [...ranges].sort(([one], [other]) => one - other);
    await this.#run("remap", rows, async () => {
      await this.load.rig.target.remap(
        rows.map(([first, count]) => ({ first: BigInt(first), count: BigInt(count) })),
      );
    });
  }

  /** Some ranges in one message. */
  #remapMany(): Promise<void> {
    const step = Math.floor(REGION_SECTORS / 5);
    return this.#remap(
      [0, 1, 2, 3, 4].map((part) => [
        this.#first + part * step + this.#random.below(step - 4),
        this.#random.between(1, 3),
      ]),
    );
  }

  /** A transaction of more than one journal block. */
  async #remapScattered(): Promise<void> {
    if (this.#relocated().length > MOST_RELOCATED - MANY_RANGES) {
      await this.#unmap([this.#first, REGION_SECTORS]);
    }
    const ranges = Array.from({ length: MANY_RANGES }, (_, index): RangeRow => [
      this.#first + 2 * index,
      1,
    ]);
    await this.#remap(ranges);
  }

  async #write(range: RangeRow): Promise<void> {
    const [first, count] = range;
    const sequence = this.load.nextSequence();
    const fua = this.#random.below(4) === 0;
    const data = stamps(this.load.seed, first, count, sequence);
    const offset = BigInt(first * SECTOR_BYTES);
    const action = () => this.load.rig.file.write(offset, data, { dsync: fua });
    await this.#run("write", [range], action, { sequence, fua });
  }

  async #writeToBad(): Promise<void> {
    const [first, count] = this.#range();
    const at = first + this.#random.below(count);
    await this.#spoil(this.#random.pick(["write", "both"]), at, this.#random.between(1, 2));
    await this.#write([first, count]);
  }

  async #spoil(kind: "write" | "both" | "read", first: number, count: number): Promise<void> {
    const end = Math.min(first + count, this.#first + REGION_SECTORS);
    await this.load.rig.main.addFault(kind, { first, count: end - first });
    for (let sector = first; sector < end; sector++) this.#badOnMain.add(sector);
  }

  async #read(range: RangeRow): Promise<void> {
    const [first, count] = range;
    await this.#run("read", [range], async () => {
      await this.load.rig.file.read(BigInt(first * SECTOR_BYTES), count * SECTOR_BYTES);
    });
  }

  async #readFromBad(): Promise<void> {
    const [first, count] = this.#range();
    await this.#spoil("read", first, Math.min(count, 2));
    await this.#read([first, count]);
    if (this.#random.below(3) > 0) return;
    await this.load.rig.main.heal({ first, count });
    await this.#read([first, count]);
  }

  /** Relocates what cannot be read. */
  async #lose(): Promise<void> {
    const [first, count] = this.#range();
    await this.#spoil("read", first, Math.min(count, 3));
    await this.#remap([[first, count]]);
  }

  async #rewrite(places: readonly PlaceRow[2][]): Promise<void> {
    const found = this.#places.flatMap(({ place }, at) => places.includes(place) ? [at] : []);
    if (found.length === 0) return await this.#write(this.#range());
    const at = this.#random.pick(found);
    await this.#write([this.#first + at, Math.min(2, REGION_SECTORS - at)]);
  }

  /** A slot in use goes bad; it is met by a read, and replaced by a write. */
  async #breakSlot(relocated: readonly number[]): Promise<void> {
    if (relocated.length === 0 || this.load.migrates) return await this.#write(this.#range());
    const sector = this.#random.pick(relocated);
    const { slot } = this.#places[sector - this.#first]!;
    const { current, spare } = this.load.rig;
    if (slot < LAYOUTS[current].slotsStart) throw new Error(`slot ${slot} lies in the metadata`);
    await spare.addFault("both", { first: SPARES[current].start + slot, count: 1 });
    if (this.#random.below(2) === 0) await this.#read([sector, 1]);
    await this.#write([sector, 1]);
  }

  /** Some of it can be taken back, some not. */
  async #unmap(range: RangeRow): Promise<void> {
    const [first, count] = range;
    for (const sector of [...this.#badOnMain]) {
      if (sector < first || sector >= first + count || this.#random.below(4) === 0) continue;
      await this.load.rig.main.heal({ first: sector, count: 1 });
      this.#badOnMain.delete(sector);
    }
    await this.#run("unmap", [range], async () => {
      await this.load.rig.target.unmap([{ first: BigInt(first), count: BigInt(count) }]);
    });
  }
}
