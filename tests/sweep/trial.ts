// SPDX-License-Identifier: GPL-2.0-only
//
// One operation on a fresh device while a fault is armed: every request and what it may come to.
import type { Place } from "../../cli/device/messages.ts";
import type { RemapStatus } from "../../cli/device/status_line.ts";
import type { Outcome } from "../model/device.ts";
import { outcomeOf } from "../model/guest_device.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { contract, PromiseBroken } from "../model/promises.ts";
import { SECTOR_BYTES } from "../model/stamps.ts";
import { Blame, type Manners, slotsOf } from "./blame.ts";
import type { Fault, FaultOp, Status } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import { bytes, EVERYTHING, type Rig, SECTORS } from "./rig.ts";
import { within } from "./time.ts";

function big({ first, count }: Range): { first: bigint; count: bigint } {
  return { first: BigInt(first), count: BigInt(count) };
}

export function relocated(places: readonly Place[]): number {
  return sum(places.filter(({ spareSector }) => spareSector !== undefined));
}

export function sum(places: readonly Place[]): number {
  return places.reduce((all, { count }) => all + Number(count), 0);
}

function text(value: unknown): string {
  return JSON.stringify(value, (_key, at) => typeof at === "bigint" ? Number(at) : at);
}

/** As the kernel words a failed request: by its status. */
const IO_ERRORS: readonly string[] = ["EIO", "ENODATA", "ENOLINK"];

export interface MoveOptions {
  /** Something suspends the device meanwhile, which ends the move. */
  readonly stoppable?: boolean;
}

export class Trial {
  readonly ledger: Ledger;
  readonly unreadable = new Set<number>();
  readonly unwritable = new Set<number>();
  readonly badSlots = new Set<number>();
  readonly weak = new Set<number>();
  /** How often they were written since the fault was armed. */
  readonly #writes = new Map<number, number>();
  /** Sectors that a message has asked to relocate. */
  readonly #asked = new Set<number>();
  /** Before the fault was armed. */
  before: RemapStatus | undefined;
  /** Sectors in use when it was armed. */
  placesBefore: readonly Place[] = [];
  /** Sectors of requests that have failed: what became of them is not known. */
  readonly doubtful = new Set<number>();
  /** There is another spare range, with something on it. */
  migrates = false;
  /** Requests meet each other, so that what a failure belongs to is not known. */
  concurrent = false;

  constructor(
    readonly rig: Rig,
    readonly seed: number,
    readonly fault: Fault,
    readonly manners: Manners,
  ) {
    this.ledger = new Ledger(seed, SECTORS);
  }

  /**
   * Bad from now on, whatever the fault: sectors of the target, on main.
   * @param times only so often, when just they are tried
   */
  spoilMain(op: FaultOp, range: Range, status: Status, times = 0): void {
    const at = { first: this.rig.mainStart + range.first, count: range.count };
    this.rig.pair.makeBad("main", op, at, status, times);
    const set = times > 0 ? this.weak : op === "read" ? this.unreadable : this.unwritable;
    for (const sector of sectorsOf(range)) set.add(sector);
  }

  /** Main is as good as new, but what is pending stays so. */
  mendMain(): void {
    this.rig.pair.mend("main");
    this.unreadable.clear();
    this.unwritable.clear();
  }

  /** Makes bad the slot that a sector has, or that it would be given next. */
  async spoilSlot(op: FaultOp, sector: number, status: Status): Promise<void> {
    const range = { first: sector, count: 1 };
    const [place] = await this.verify(range);
    if (place?.spareSector === undefined) await this.rig.target.remap([big(range)]);
    const [now] = await this.verify(range);
    const slot = Number(now!.spareSector);
    if (place?.spareSector === undefined) await this.rig.target.unmap([big(range)]);
    this.rig.pair.makeBad("spare", op, { first: slot, count: 1 }, status);
    this.badSlots.add(slot);
  }

  /** A block of the journal's ring takes no writes. */
  spoilJournal(index: number): void {
    this.rig.pair.makeBad("spare", "write", this.rig.metadataBlock(index, "journal"), "medium");
  }

  get troubledBefore(): ReadonlySet<number> {
    return sectorsIn(this.placesBefore, ["lost", "pending"]);
  }

  verify(range: Range = EVERYTHING): Promise<Place[]> {
    return within(this.rig.target.verify([big(range)]), "verify");
  }

  /** Who is to blame for what has failed until now. */
  get blame(): Blame {
    const { unreadable, unwritable, badSlots: slots, weak } = this;
    const known = { unreadable, unwritable, slots, weak };
    const { rig } = this;
    const place = { journal: rig.metadataBlock(0, "journal").first, slots: rig.slotsStart };
    const metadata = rig.lasts ? place : undefined;
    return new Blame(this.fault, rig.pair.state, known, this.manners, rig.mainStart, metadata);
  }

  async write(range: Range, options: { readonly fua?: boolean } = {}): Promise<boolean> {
    const fua = options.fua === true;
    for (const at of sectorsOf(range)) this.#writes.set(at, (this.#writes.get(at) ?? 0) + 1);
    const writing = this.ledger.beginWrite(range, fua);
    const request = this.rig.file.write(bytes(range.first), writing.data, { dsync: fua });
    const outcome = await within(outcomeOf(request), `a write of ${show(range)}`);
    this.ledger.endWrite(writing, outcome.ok);
    if (outcome.ok) return true;
    this.#doubt(range);
    this.#judge(`a write of ${show(range)}`, outcome, this.blame.writeMayFail(range));
    return false;
  }

  async read(range: Range): Promise<boolean> {
    const reading = this.ledger.beginRead(range);
    const request = this.rig.file.read(bytes(range.first), range.count * SECTOR_BYTES);
    const outcome = await within(outcomeOf(request), `a read of ${show(range)}`);
    if (outcome.ok) {
      this.ledger.endRead(reading, outcome.value);
      return true;
    }
    this.#doubt(range);
    const blame = this.blame;
    const may = blame.readMayFail(range, this.placesBefore) ||
      blame.readMayFail(range, await this.verify(range)) ||
      [...sectorsOf(range)].some((at) => this.troubledBefore.has(at));
    this.#judge(`a read of ${show(range)}`, outcome, may);
    return false;
  }

  #doubt(range: Range): void {
    for (const sector of sectorsOf(range)) this.doubtful.add(sector);
  }

  /** What has just been written, to a new place if its old one was bad: no second failure. */
  async readWritten(range: Range): Promise<void> {
    if (await this.read(range) || this.fault.mode !== "once") return;
    if (!this.blame.mustBeHidden) return;
    throw new PromiseBroken(
      "promise 1, an acknowledged write is readable",
      `${show(range)} cannot be read after it was written`,
    );
  }

  async flush(): Promise<boolean> {
    const before = this.rig.pair.state.flushes;
    const covered = this.ledger.beginFlush();
    const outcome = await within(outcomeOf(this.rig.file.flush()), "a flush");
    this.ledger.endFlush(covered, outcome.ok);
    const blame = this.blame;
    if (!outcome.ok) this.#judge("a flush", outcome, blame.flushMayFail());
    else if (!this.concurrent && this.rig.pair.state.flushes > before) {
      throw new PromiseBroken(
        "promise 9, a flush reaches both devices, and its error comes back",
        "a device refused to flush, but the flush succeeded",
      );
    }
    return outcome.ok;
  }

  async remap(ranges: readonly Range[], options: MoveOptions = {}): Promise<void> {
    for (const range of ranges) for (const at of sectorsOf(range)) this.#asked.add(at);
    const all = ranges.reduce((total, range) => total + range.count, 0);
    const places = async () =>
      slotsOf((await Promise.all(ranges.map((range) => this.verify(range)))).flat());
    // A write of the same operation may have relocated some of them by itself.
    const before = this.concurrent ? new Map() : await places();
    const outcome = await this.#move(
      `remap of ${ranges.map(show).join(", ")}`,
      this.rig.target.remap(ranges.map(big)),
      options,
    );
    if (outcome.ok) {
      contract(Number(outcome.value.remapped) === all, `remap replied ${text(outcome.value)}`);
      return;
    }
    for (const range of ranges) this.#doubt(range);
    if (!this.concurrent) {
      const moved = [...(await places()).keys()].filter((at) => !before.has(at));
      contract(moved.length === 0, `remap failed, but has relocated ${moved.join(", ")}`);
    }
  }

  async unmap(range: Range, options: MoveOptions & { force?: boolean } = {}): Promise<void> {
    const force = { force: options.force === true };
    const what = `unmap of ${show(range)}`;
    await this.#moveBack(what, range, this.rig.target.unmap([big(range)], force), options);
  }

  async clear(options: MoveOptions & { force?: boolean } = {}): Promise<void> {
    const moved = this.rig.target.clear({ force: options.force === true });
    await this.#moveBack("clear", EVERYTHING, moved, options);
  }

  async #moveBack(
    what: string,
    range: Range,
    moved: Promise<{ readonly cleared: bigint; readonly kept: bigint }>,
    options: MoveOptions & { force?: boolean },
  ): Promise<void> {
    const outcome = await this.#move(what, moved, options);
    if (!outcome.ok) return this.#doubt(range);
    const places = await this.verify(range);
    const kept = Number(outcome.value.kept);
    const most = options.force === true ? 0 : this.blame.mostKept(this.troubledBefore.size);
    contract(kept <= most, `${what} kept ${kept} sectors, at most ${most} had to stay`);
    if (!this.concurrent || !this.manners.automatic) {
      contract(relocated(places) === kept, `${what} replied ${text(outcome.value)}`);
    }
  }

  async #move<T>(
    what: string,
    moved: Promise<T>,
    options: MoveOptions,
  ): Promise<Outcome<T>> {
    const outcome = await within(outcomeOf(moved), what);
    if (outcome.ok) return outcome;
    if (options.stoppable === true && ["EINTR", "EBUSY"].includes(outcome.code)) return outcome;
    const blame = this.blame;
    if (outcome.code === "ENOSPC" && blame.mostBadSlots === Infinity) return outcome;
    this.#judge(what, outcome, blame.moveMayFail());
    return outcome;
  }

  /** Moves everything to the other spare range; what cannot be done leaves all as it was. */
  async migrate(): Promise<void> {
    const { rig } = this;
    this.migrates = true;
    const begun = await within(outcomeOf(rig.target.send(rig.migrateMessage)), "migrate");
    const state = begun.ok ? await rig.migrationEnd() : begun.code;
    if (state === "done") {
      rig.migrated();
      // Its slots are others.
      if (this.before !== undefined) this.before = { ...this.before, spareBad: 0n };
      return;
    }
    const { fault, blame: { victim } } = this;
    const passes = fault.mode === "once" && fault.status !== "transport";
    // What tells the two spares apart is written once: nobody waits for another try.
    const final = victim?.op === "flush" ||
      (victim?.op === "write" && rig.isMetadataOfOther(victim.range.first));
    if (victim !== undefined && (!passes || final)) return;
    throw new PromiseBroken("promises 1 and 7, what can be moved is moved", `migrate: ${state}`);
  }

  /** Forces a checkpoint. Who cannot write one does not know what the spare says, and stops. */
  async save(): Promise<void> {
    const outcome = await this.#move("save", this.rig.target.send("save"), {});
    const { mode } = this.rig.target.status();
    contract(outcome.ok || mode === "ro", `save has failed, but mode=${mode}`);
  }

  /** Reads the table again. */
  async restore(): Promise<void> {
    await within(this.rig.suspend(), "suspend");
    try {
      const outcome = await within(outcomeOf(this.rig.target.send("restore")), "restore");
      this.#judgeRead("restore", outcome);
    } finally {
      await within(this.rig.resume(), "resume");
    }
  }

  /**
   * Makes the device again, which was there until now, with the fault; if that fails, without it.
   * @param how what it was before: gone for good, gone without a good-bye, or never there
   */
  async start(how: "removed" | "crashed" | "blank"): Promise<void> {
    const { rig } = this;
    rig.pair.disarm();
    if (how === "crashed") await rig.crash();
    else if (how === "removed") await rig.takeAway();
    else await rig.wipe();
    // What it counts is new.
    this.before = undefined;
    this.#arm();
    const outcome = await within(outcomeOf(rig.putBack()), "start");
    if (outcome.ok) return;
    this.#judgeRead("a start", outcome);
    rig.pair.disarm();
    await within(rig.putBack(), "start, without the fault");
  }

  /** Metadata that cannot be read is refused, and so is what was half written. */
  #judgeRead(what: string, outcome: Outcome<unknown>): void {
    if (outcome.ok || (this.blame.mayRefuse && outcome.code === "EINVAL")) return;
    this.#judge(what, outcome, this.blame.mayRefuse);
  }

  #arm(): void {
    this.concurrent = this.fault.parks;
    this.rig.pair.arm(this.fault);
  }

  #judge(what: string, { code }: { readonly code: string }, justified: boolean): void {
    if (justified && IO_ERRORS.includes(code)) return;
    if (justified && code === "EROFS" && this.blame.mayBeReadOnly) return;
    throw new PromiseBroken(
      "promises 1 and 7, what can be served is served",
      `${what} failed with ${code}`,
    );
  }

  /** From here on it counts what requests do. */
  async begin(): Promise<void> {
    this.before = this.rig.target.status();
    this.placesBefore = await this.verify();
    this.#writes.clear();
    this.doubtful.clear();
    this.#arm();
  }

  /** If it was relocated, then with its only write, which was acknowledged with that. */
  wasRelocatedByWrite(sector: number): boolean {
    return !this.#asked.has(sector) && !this.concurrent && this.#writes.get(sector) === 1;
  }

  /** 8: what nobody has asked to relocate is relocated for a bad medium only. */
  checkRelocations(blame: Blame, places: readonly Place[]): void {
    const before = slotsOf(this.placesBefore);
    const pending = this.troubledBefore;
    for (const at of slotsOf(places).keys()) {
      if (this.#asked.has(at) || before.has(at)) continue;
      if (blame.mayBeRelocated(at, pending.has(at))) continue;
      throw new PromiseBroken(
        "promise 8, only the medium's errors consume slots",
        `sector ${at} has been relocated`,
      );
    }
  }

  /** Sector by sector what may be reported as lost. */
  checkLosses(blame: Blame, places: readonly Place[]): void {
    const before = slotsOf(this.placesBefore);
    const now = slotsOf(places);
    const troubled = this.troubledBefore;
    for (const { sector, count, place } of places) {
      if (place !== "lost" && place !== "pending") continue;
      for (const at of sectorsOf({ first: Number(sector), count: Number(count) })) {
        if (
          troubled.has(at) || blame.mayBeLost(at, now.get(at)) ||
          blame.mayBeLost(at, before.get(at))
        ) continue;
        throw new PromiseBroken(
          "promise 1, what can be read is not lost",
          `sector ${at} is reported as ${place}`,
        );
      }
    }
  }
}

/** The sectors in these states. */
export function sectorsIn(
  places: readonly Place[],
  states: readonly Place["place"][],
): Set<number> {
  const sectors = new Set<number>();
  for (const { sector, count, place } of places) {
    if (!states.includes(place)) continue;
    for (let i = 0; i < Number(count); i++) sectors.add(Number(sector) + i);
  }
  return sectors;
}

function show({ first, count }: Range): string {
  return `${first}+${count}`;
}
