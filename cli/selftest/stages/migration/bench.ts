// SPDX-License-Identifier: GPL-2.0-only
// What the cases about migrations are given: a main, and two spares that lie differently.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import type { TargetSpec } from "../../../../ffi/libdevmapper.ts";
import { parseKeyValues } from "../../../device/messages.ts";
import { check, checkEqual, checkFails, checkMatch } from "../../check.ts";
import { type Content, readSectors } from "../../content.ts";
import type { LoopDisk } from "../../loops.ts";
import { makeMapped, swapTable, target } from "../../mapped.ts";
import { CaseBench, type PartOf } from "../../parts.ts";
import { SECTOR } from "../../pattern.ts";
import { remapTarget, Rig } from "../../rig.ts";
import { Scope } from "../../scope.ts";
import type { StageRun } from "../../stage.ts";
import { until } from "../errors/here.ts";
import { PromiseWatch } from "../errors/promises.ts";
import { SegmentDisk } from "../errors/segments.ts";
import { relocateAll, SECTORS } from "../hotplug/bench.ts";
import { layoutOn } from "../persistence/view.ts";

const FEATURES: readonly string[] = [
  ...["max_remaps", "0", "retries", "1", "retry_delay_ms", "0"],
];

/** The disks that all cases share, which never fail. */
export interface MigrationLoops {
  readonly main: LoopDisk;
  readonly first: LoopDisk;
  readonly second: LoopDisk;
}

/** Main and the first spare with relocated sectors, as each case finds them. */
export interface Prepared {
  readonly main: Uint8Array<ArrayBuffer>;
  readonly first: Uint8Array<ArrayBuffer>;
  readonly content: Content;
}

/** Made once, for it takes its time. */
export async function prepare(stage: StageRun, { main, first }: MigrationLoops): Promise<Prepared> {
  await using scope = new Scope(stage.signal);
  const disks = { main, spare: first };
  const rig = await Rig.make(scope, stage.dm, disks, { features: FEATURES });
  await relocateAll(rig);
  // What main has below a relocated sector must never be seen again.
  await rig.write(0, rig.length);
  const bytes = {
    main: await readSectors(rig.main, 0, main.sectors),
    first: await readSectors(rig.spare, 0, first.sectors),
  };
  return { ...bytes, content: rig.content.copy() };
}

/** A range on a disk that serves as a spare. */
export interface SparePlace {
  readonly disk: SegmentDisk;
  readonly start: number;
  readonly length: number;
}

/** How a migration has ended. */
export interface Ended {
  readonly state: string;
  readonly copied: number;
  readonly total: number;
  readonly lost: number;
  readonly reason: string;
}

export class MigrationBench extends CaseBench {
  private constructor(
    scope: Scope,
    stage: StageRun,
    readonly main: SegmentDisk,
    readonly first: SparePlace,
    readonly second: SparePlace,
    private readonly prepared: Prepared,
  ) {
    super(scope, stage);
  }

  static async make(
    scope: Scope,
    stage: StageRun,
    loops: MigrationLoops,
    prepared: Prepared,
  ): Promise<MigrationBench> {
    const spare = async (purpose: string, loop: LoopDisk, start: number): Promise<SparePlace> => {
      const disk = await SegmentDisk.make(scope, stage.dm, purpose, loop);
      return { disk, start, length: loop.sectors - start };
    };
    const main = await SegmentDisk.make(scope, stage.dm, "main", loops.main);
    const [first, second] = [
      await spare("first", loops.first, 0),
      await spare("second", loops.second, 64),
    ];
    const bench = new MigrationBench(scope, stage, main, first, second, prepared);
    await bench.restore();
    return bench;
  }

  /** Main and the first spare as they were prepared, the second blank; what they hold. */
  async restore(): Promise<Content> {
    const { main, first, second, prepared } = this;
    await put(main, prepared.main);
    await put(first.disk, prepared.first);
    await wipe(second);
    return prepared.content.copy();
  }

  /** What the device holds at first. */
  newContent(): Content {
    return this.prepared.content.copy();
  }

  /** A device with this spare while `body` runs. */
  async life<T>(place: SparePlace, content: Content, body: (rig: Rig) => Promise<T>): Promise<T> {
    await using scope = new Scope(this.scope.signal);
    // Slow disks cannot do without waiting: only a device made over one can migrate to another.
    await this.slow(place, 0);
    const rig = await Rig.make(scope, this.dm, { main: this.main, spare: place.disk }, {
      ...{ features: FEATURES, content },
      ...{ spareStart: place.start, spareLength: place.length },
    });
    await place.disk.heal();
    await checkPromises("at its begin", rig, place);
    return await body(rig);
  }

  /** The line of a device with this spare. */
  lineOver(place: SparePlace): TargetSpec {
    return remapTarget({
      main: this.main.path,
      spare: place.disk.path,
      ...{ spareStart: place.start, spareLength: place.length, features: FEATURES },
    }, SECTORS);
  }

  /** No device comes up with this spare; the kernel says why. */
  async refuses(place: SparePlace, why: RegExp): Promise<void> {
    await using scope = new Scope(this.scope.signal);
    const error = await checkFails("a device over a spare that does not count", "EINVAL", () => {
      return makeMapped(scope, this.dm, "refused", [this.lineOver(place)]);
    });
    checkMatch("what the kernel says", error.message, why);
  }

  /** From now on each request to this disk takes so long. */
  async slow({ disk }: SparePlace, ms: number): Promise<void> {
    const line = target("delay", 0, disk.sectors, `${disk.below.path} 0 ${ms}`);
    await swapTable(this.dm, disk.mapped, [line]);
  }
}

async function put(disk: LoopDisk, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  await file.write(0n, bytes);
}

/** Zeroes where metadata would be. */
export async function wipe({ disk, start, length }: SparePlace): Promise<void> {
  using file = DirectFile.open(disk.path, { write: true });
  const bytes = new Uint8Array(layoutOn(length, 512).slotsStart * SECTOR);
  await file.write(BigInt(start * SECTOR), bytes);
}

/** Those that hold whatever happens, of a device on this spare. */
export async function checkPromises(what: string, rig: Rig, place: SparePlace): Promise<void> {
  const slots = place.start + layoutOn(place.length, 512).slotsStart;
  await new PromiseWatch(rig, slots).look(what);
}

export async function begin(rig: Rig, { disk, start, length }: SparePlace): Promise<void> {
  checkEqual("migrate", await rig.send(`migrate ${disk.path} ${start} ${length}`), "migrating");
}

export async function progress(rig: Rig): Promise<Ended> {
  const fields = parseKeyValues(await rig.send("migrate status"));
  const number = (key: string) => Number(fields.get(key) ?? -1);
  return {
    state: fields.get("migrate") ?? "",
    ...{ copied: number("copied"), total: number("total"), lost: number("lost") },
    reason: fields.get("reason") ?? "",
  };
}

/** Waits for its end. */
export async function ended(rig: Rig): Promise<Ended> {
  let last = await progress(rig);
  await until("the end of the migration", async () => {
    last = await progress(rig);
    return last.state !== "running";
  }, 40_000);
  return last;
}

/** Moves everything to that spare, while anything else may happen. */
export async function migrateBeside(rig: Rig, place: SparePlace): Promise<Ended> {
  await begin(rig, place);
  const end = await ended(rig);
  checkEqual("the end of the migration", { state: end.state, reason: end.reason }, {
    state: "done",
    reason: "none",
  });
  checkIsOn("the table after the migration", rig, place);
  return end;
}

/** Moves everything to that spare, and looks whether it is there. */
export async function migrate(rig: Rig, place: SparePlace): Promise<Ended> {
  const end = await migrateBeside(rig, place);
  await checkPromises("after the migration", rig, place);
  return end;
}

/** The live table names this spare. */
export function checkIsOn(what: string, rig: Rig, { disk, start, length }: SparePlace): void {
  const info = rig.dm.info(disk.mapped);
  const words = rig.dm.table(rig.name)[0]?.params.split(" ").slice(2, 5).join(" ");
  checkEqual(what, words, `${info?.major}:${info?.minor} ${start} ${length}`);
}

/** Everything as it was: on this spare, and nothing lost. */
export async function checkUntouched(rig: Rig, place: SparePlace): Promise<void> {
  checkIsOn("the table", rig, place);
  await checkPromises("after the attempt", rig, place);
  const { lost, mode } = rig.status();
  checkEqual("lost sectors and mode", { lost, mode }, { lost: 0n, mode: "rw" });
  await rig.check("everything after the attempt");
  await rig.relocate(0, 4);
  await rig.write(0, 64);
  checkEqual("unmap", await rig.send("unmap 0 4"), "cleared=4 kept=0");
  await rig.check("everything after writes");
}

export function checkSome(what: string, count: number): void {
  check(what, count > 0, { expected: "some", seen: count });
}

/** Cases around one subject. */
export type MigrationPart = PartOf<MigrationBench>;
