// SPDX-License-Identifier: GPL-2.0-only
//
// The promises of the target towards its users, each as a function that throws when it is broken.
import type { Place } from "../../cli/device/messages.ts";
import type { RemapStatus } from "../../cli/device/status_line.ts";
import { type Content, describeContent } from "./stamps.ts";

/** The target did not do what it promises. The text begins with the promise. */
export class PromiseBroken extends Error {
  override readonly name = "PromiseBroken";

  constructor(readonly promise: string, readonly details: string) {
    super(`${promise}: ${details}`);
  }
}

/** What a sector may hold: numbers of writes, or {@linkcode ZEROS}. */
export type Allowed = readonly number[];
/** In place of a number: the sector was discarded or zeroed. */
const ZEROS = -1;

/** What the model knows of one sector, as the checks need it. */
export interface SectorView {
  readonly sector: number;
  readonly seed: number;
  readonly allowed: Allowed;
  /** The slot, if relocated. */
  readonly slot?: number | undefined;
  /** Relocated, and not written since its content was found unreadable. */
  readonly lost: boolean;
  /** What main's medium holds while the sector is relocated. */
  readonly stale: Allowed;
}

/** What the model knows of the slots and the counters. */
export interface Accounts {
  readonly remapped: number;
  /** Pending ones among them. */
  readonly lost: number;
  readonly pending: number;
  readonly slots: number;
  readonly automatic: number;
  readonly manualRemaps: number;
  readonly unmapped: number;
  /** So many slots have gone bad for certain. */
  readonly leastBad: number;
  /** No more slots than this can have gone bad. */
  readonly mostBad: number;
}

function where({ sector, slot, lost }: SectorView): string {
  if (slot === undefined) return `sector ${sector} on main`;
  return `sector ${sector} ${lost ? "lost" : "relocated"}, spare sector ${slot},`;
}

function listed(allowed: Allowed): string {
  const words = allowed.map((value) => value === ZEROS ? "zeros" : `write ${value}`);
  return words.length === 0 ? "nothing" : words.join(" or ");
}

/** The number of the write that the content is, if it can be this sector's at all. */
function writeOf(view: SectorView, found: Content): number | undefined {
  if (found.kind === "zeros") return ZEROS;
  const own = found.kind === "stamp" && found.seed === view.seed && found.sector === view.sector;
  return own ? found.sequence : undefined;
}

function fail(promise: string, view: SectorView, found: Content): never {
  throw new PromiseBroken(
    promise,
    `${where(view)} reads ${describeContent(found)}, allowed is ${listed(view.allowed)}`,
  );
}

/** 1: an acknowledged write is readable until overwritten. */
function promise1AcknowledgedWriteIsReadable(view: SectorView, found: Content): void {
  const write = writeOf(view, found);
  if (write === undefined || view.allowed.includes(write)) return;
  fail("promise 1, an acknowledged write is readable", view, found);
}

/** 2: once a sector is relocated, its old copy on main is never returned. */
function promise2NoStaleRead(view: SectorView, found: Content): void {
  const write = writeOf(view, found);
  if (view.slot === undefined || write === undefined || view.allowed.includes(write)) return;
  if (view.stale.includes(write)) fail("promise 2, no stale read", view, found);
}

/** 3: never zeros, an unwritten slot, or another sector in place of data or of an error. */
function promise3NothingInPlaceOfData(view: SectorView, found: Content): void {
  const write = writeOf(view, found);
  const invented = write === ZEROS && !view.allowed.includes(ZEROS) && !view.stale.includes(ZEROS);
  if (write === undefined || invented) {
    fail("promise 3, a failed read is an error, never other data", view, found);
  }
}

/** 3: what cannot be read is an error. */
export function promise3FailedReadIsAnError(view: SectorView, why: string): never {
  throw new PromiseBroken(
    "promise 3, a failed read is an error",
    `${where(view)} was read without an error although ${why}`,
  );
}

/** Promises 1 to 3 for the content of one sector. */
export function checkContent(view: SectorView, found: Content): void {
  promise3NothingInPlaceOfData(view, found);
  promise2NoStaleRead(view, found);
  promise1AcknowledgedWriteIsReadable(view, found);
}

/** 5: the mapping is injective, slots are in range and used once. */
export function promise5MappingIsInjective(
  places: readonly Place[],
  spareStart: number,
  slots: number,
): void {
  const users = new Map<number, number>();
  const broken = (details: string) => {
    throw new PromiseBroken("promise 5, the mapping is injective and in range", details);
  };
  for (const { sector, count, spareSector } of places) {
    if (spareSector === undefined) continue;
    for (let i = 0; i < Number(count); i++) {
      const slot = Number(spareSector) + i;
      const user = Number(sector) + i;
      if (slot < spareStart || slot >= spareStart + slots) {
        broken(`sector ${user} is on spare sector ${slot}, which is no slot`);
      }
      if (users.has(slot)) {
        broken(`sectors ${users.get(slot)} and ${user} are both on spare sector ${slot}`);
      }
      users.set(slot, user);
    }
  }
}

/** 6: used + free + bad = total, and the numbers are those of the mapping. */
export function promise6AccountsBalance(
  accounts: Accounts,
  status: RemapStatus,
  stats?: ReadonlyMap<string, bigint | string>,
): void {
  const bad = Number(status.spareBad ?? 0n);
  const expected: Record<string, readonly [actual: unknown, expected: number]> = {
    remapped: [status.remapped, accounts.remapped],
    lost: [status.lost, accounts.lost],
    "slots in all": [status.spareTotal, accounts.slots],
    "slots in use or bad": [status.spareUsed, accounts.remapped + bad],
    "percent in use": [
      status.spareUsedPercent,
      Math.floor((accounts.remapped + bad) * 100 / accounts.slots),
    ],
    auto_remaps: [status.autoRemaps, accounts.automatic],
    manual_remaps: [status.manualRemaps, accounts.manualRemaps],
    pending: [status.pending, accounts.pending],
    verify_errors: [status.verifyErrors, 0],
  };
  if (stats !== undefined) {
    Object.assign(expected, {
      "stats remapped": [stats.get("remapped"), accounts.remapped],
      "stats lost": [stats.get("lost"), accounts.lost],
      "stats spare_used": [stats.get("spare_used"), accounts.remapped + bad],
      "stats spare_bad": [stats.get("spare_bad"), bad],
      "stats spare_free": [stats.get("spare_free"), accounts.slots - accounts.remapped - bad],
      "stats spare_total": [stats.get("spare_total"), accounts.slots],
      "stats manual_remaps": [stats.get("manual_remaps"), accounts.manualRemaps],
      "stats auto_remaps": [stats.get("auto_remaps"), accounts.automatic],
      "stats pending": [stats.get("pending"), accounts.pending],
      "stats unmapped": [stats.get("unmapped"), accounts.unmapped],
    });
  }
  const promise = "promise 6, used + free + bad = total";
  for (const [what, [actual, wanted]] of Object.entries(expected)) {
    if (Number(actual) !== wanted) {
      throw new PromiseBroken(promise, `${what}: ${actual}, not ${wanted}`);
    }
  }
  if (bad > accounts.mostBad) {
    throw new PromiseBroken(promise, `${bad} slots are bad, at most ${accounts.mostBad} can be`);
  }
  if (bad < accounts.leastBad) {
    throw new PromiseBroken(promise, `${bad} slots are bad, of ${accounts.leastBad} that are`);
  }
}

/** The counters of a status that may only grow. */
const COUNTERS = [
  "writeErrors",
  "readErrors",
  "autoRemaps",
  "manualRemaps",
  "spareBad",
  "verifyErrors",
  "transportErrors",
] as const;

/** 6: counters only grow. */
export function promise6CountersOnlyGrow(before: RemapStatus, after: RemapStatus): void {
  for (const counter of COUNTERS) {
    const [old, now] = [before[counter] ?? 0n, after[counter] ?? 0n];
    if (now < old) {
      throw new PromiseBroken("promise 6, counters only grow", `${counter}: ${now} after ${old}`);
    }
  }
}

/** 6: what the medium refuses is counted, and nothing else. */
export function promise6ErrorsAreCounted(
  before: RemapStatus,
  after: RemapStatus,
  counter: "readErrors" | "writeErrors" | "none" | undefined,
): void {
  const promise = "promise 6, errors are counted";
  if (counter === "none") {
    for (const quiet of ["readErrors", "writeErrors", "transportErrors"] as const) {
      if (before[quiet] === after[quiet]) continue;
      throw new PromiseBroken(promise, `${quiet}: ${after[quiet]}, but nothing is wrong`);
    }
  } else if (counter !== undefined && after[counter] <= before[counter]) {
    throw new PromiseBroken(promise, `${counter}: still ${after[counter]}`);
  }
}

/** 6: a slot that has gone bad stays so, also over a restart, and no other does by it. */
export function promise6SlotsStayBad(before: RemapStatus, after: RemapStatus): void {
  if (before.spareBad === after.spareBad) return;
  throw new PromiseBroken(
    "promise 6, slots that are bad stay so",
    `${after.spareBad} slots are bad, not ${before.spareBad} as before`,
  );
}

/** 8: what is not the medium's fault takes no slot, and leaves no mark on a sector. */
export function promise8NoSlotForTransport(what: string, before: number, after: number): void {
  if (before === after) return;
  throw new PromiseBroken(
    "promise 8, a transport error consumes no slot",
    `${what}: ${after}, not ${before} as before`,
  );
}

/** 9: a flush reaches both devices, and its error comes back. */
export function promise9FlushErrorComesBack(code: string | undefined, dead: string): void {
  if (code !== undefined) return;
  throw new PromiseBroken(
    "promise 9, the error of a flush comes back",
    `a flush succeeded while ${dead} was dead`,
  );
}

/** 7, as far as it goes without metadata: what is healthy is served, and the status says so. */
export function promise7HealthyIsServed(what: string, code: string | undefined): void {
  if (code !== undefined) {
    throw new PromiseBroken("promise 7, healthy sectors are served", `${what} failed with ${code}`);
  }
}

/** What the messages are bound to: replies and refusals. */
export function contract(holds: boolean, details: string): asserts holds {
  if (!holds) throw new PromiseBroken("contract of the messages", details);
}
