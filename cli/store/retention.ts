// SPDX-License-Identifier: GPL-2.0-only
// Which snapshots stay: the rules of restic's `forget`, because people know them.
import { UsageError } from "../device/errors.ts";

/** As written: years, months, days and hours. */
export interface Duration {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

/** How many to keep of each kind; what is missing keeps nothing. `Infinity` keeps all of a kind. */
export interface RetentionPolicy {
  readonly last?: number;
  readonly hourly?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  /** Everything that is not older than this before the newest one. */
  readonly within?: Duration;
}

/** What the rules look at; a `SnapshotHead` has it all. */
export interface Datable {
  readonly id: number;
  readonly deviceId: number;
  readonly takenAt: string;
}

export interface Kept<T> {
  readonly snapshot: T;
  /** `last`, `daily`, `oldest monthly`, `within 7d`, ... */
  readonly reasons: readonly string[];
}

export interface Retention<T> {
  /** Newest first, device by device. */
  readonly keep: readonly Kept<T>[];
  readonly remove: readonly T[];
}

const UNITS = [["years", "y"], ["months", "m"], ["days", "d"], ["hours", "h"]] as const;

/**
 * Reads `2y5m7d3h`, or a part of it.
 * @throws {UsageError}
 */
export function parseDuration(text: string): Duration {
  const match = /^(?:(\d{1,5})y)?(?:(\d{1,5})m)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?$/.exec(text);
  if (match === null || text === "") {
    throw new UsageError(`"${text}" is no duration`, {
      cure: "write years, months, days and hours, such as 1y6m, 14d or 36h",
    });
  }
  const [years, months, days, hours] = match.slice(1).map((part) => Number(part ?? 0));
  if (!years && !months && !days && !hours) {
    // Not even the newest snapshot is newer than itself.
    throw new UsageError(`"${text}" would keep nothing`, {
      cure: "write at least an hour: 1h",
    });
  }
  return { years: years!, months: months!, days: days!, hours: hours! };
}

export function formatDuration(duration: Duration): string {
  const parts = UNITS.filter(([key]) => duration[key] > 0).map(([key, letter]) =>
    `${duration[key]}${letter}`
  );
  return parts.length === 0 ? "0h" : parts.join("");
}

/** Does it say nothing? Such a policy must not be taken for "keep nothing". */
export function isEmptyPolicy(policy: RetentionPolicy): boolean {
  return BUCKETS.every(({ key }) => !policy[key]) && policy.within === undefined;
}

interface Bucket {
  readonly key: Exclude<keyof RetentionPolicy, "within">;
  /** Snapshots with the same answer fall into the same hour, day, ... */
  readonly of: (time: Date, index: number) => number;
}

const day = (time: Date) =>
  time.getFullYear() * 10_000 + (time.getMonth() + 1) * 100 + time.getDate();

const BUCKETS: readonly Bucket[] = [
  { key: "last", of: (_time, index) => index },
  { key: "hourly", of: (time) => day(time) * 100 + time.getHours() },
  { key: "daily", of: day },
  { key: "weekly", of: isoWeek },
  { key: "monthly", of: (time) => time.getFullYear() * 100 + time.getMonth() },
  { key: "yearly", of: (time) => time.getFullYear() },
];

/** A week belongs to the year that its Thursday lies in. */
function isoWeek(time: Date): number {
  const thursday = new Date(time.getFullYear(), time.getMonth(), time.getDate());
  thursday.setDate(thursday.getDate() + 3 - (thursday.getDay() + 6) % 7);
  const year = thursday.getFullYear();
  const days = Math.round((thursday.getTime() - new Date(year, 0, 1).getTime()) / 86_400_000);
  return year * 100 + Math.floor(days / 7);
}

/**
 * Applies the policy to each device of its own. Hours, days and so on are those of the local time
 * zone. Of every hour (day, ...) the newest snapshot counts; the oldest of all counts as well while
 * the number is not used up, so that the history reaches as far back as it can.
 *
 * A policy that says nothing keeps everything.
 */
export function applyPolicy<T extends Datable>(
  snapshots: Iterable<T>,
  policy: RetentionPolicy,
  now: Date = new Date(),
): Retention<T> {
  const keep: Kept<T>[] = [];
  const remove: T[] = [];
  for (const ofDevice of Map.groupBy(snapshots, ({ deviceId }) => deviceId).values()) {
    const newestFirst = ofDevice.toSorted((a, b) => timeOf(b) - timeOf(a) || b.id - a.id);
    const reasonsOf = isEmptyPolicy(policy)
      ? () => ["no policy"]
      : reasonsFor(newestFirst, policy, now);
    for (const [index, snapshot] of newestFirst.entries()) {
      const reasons = reasonsOf(index);
      if (reasons.length > 0) keep.push({ snapshot, reasons });
      else remove.push(snapshot);
    }
  }
  return { keep, remove };
}

/** To be called once for each, newest first: every call uses up what it counts. */
function reasonsFor(newestFirst: readonly Datable[], policy: RetentionPolicy, now: Date) {
  const left = BUCKETS.map(({ key }) => policy[key] ?? 0);
  const previous: (number | undefined)[] = BUCKETS.map(() => undefined);
  const since = policy.within && startOf(newestFirst, policy.within, now);
  return (index: number): string[] => {
    const at = timeOf(newestFirst[index]!);
    const isOldest = index === newestFirst.length - 1;
    const reasons = since !== undefined && at > since
      ? [`within ${formatDuration(policy.within!)}`]
      : [];
    for (const [which, { key, of }] of BUCKETS.entries()) {
      if (!(left[which]! > 0)) continue;
      const bucket = of(new Date(at), index);
      const isSame = bucket === previous[which];
      if (isSame && !isOldest) continue;
      previous[which] = bucket;
      left[which]!--;
      reasons.push(isSame ? `oldest ${key}` : key);
    }
    return reasons;
  };
}

/** Counted from the newest one, but a clock that was ahead must not make all others look old. */
function startOf(newestFirst: readonly Datable[], within: Duration, now: Date): number {
  const latest = newestFirst.map(timeOf).find((time) => time < now.getTime());
  if (latest === undefined) return -Infinity;
  const start = new Date(latest);
  start.setFullYear(
    start.getFullYear() - within.years,
    start.getMonth() - within.months,
    start.getDate() - within.days,
  );
  return start.getTime() - within.hours * 3_600_000;
}

function timeOf({ takenAt }: Datable): number {
  return Date.parse(takenAt);
}
