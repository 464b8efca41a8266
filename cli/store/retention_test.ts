// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../device/errors.ts";
import {
  applyPolicy,
  type Datable,
  formatDuration,
  isEmptyPolicy,
  parseDuration,
  type RetentionPolicy,
} from "./retention.ts";

const NOW = new Date("2027-01-01T00:00:00Z");

/** A time of this machine's zone: the rules are about its days. */
function local(year: number, month: number, day: number, hour = 0, minute = 0): string {
  return new Date(year, month - 1, day, hour, minute).toISOString();
}

function snapshots(...times: string[]): Datable[] {
  return times.map((takenAt, at) => ({ id: at + 1, deviceId: 1, takenAt }));
}

function keptIds(list: readonly Datable[], policy: RetentionPolicy, now = NOW): number[] {
  return applyPolicy(list, policy, now).keep.map(({ snapshot }) => snapshot.id).sort((a, b) =>
    a - b
  );
}

function reasonsOf(list: readonly Datable[], policy: RetentionPolicy): string[] {
  const { keep } = applyPolicy(list, policy, NOW);
  return keep.map(({ snapshot, reasons }) => `${snapshot.id}: ${reasons.join(", ")}`);
}

Deno.test("the last ones are kept, of each device", () => {
  const list = snapshots(local(2026, 1, 1), local(2026, 1, 3), local(2026, 1, 2));
  assert.deepEqual(keptIds(list, { last: 2 }), [2, 3]);
  const two = [...list, { id: 9, deviceId: 2, takenAt: local(2020, 1, 1) }];
  assert.deepEqual(keptIds(two, { last: 1 }), [2, 9]);
});

Deno.test("the newest of each day is kept, and the oldest of all while there are days left", () => {
  const list = snapshots(
    local(2026, 3, 1, 8),
    local(2026, 3, 1, 20),
    local(2026, 3, 2, 8),
    local(2026, 3, 2, 20),
    local(2026, 3, 5, 8),
  );
  assert.deepEqual(reasonsOf(list, { daily: 2 }), ["5: daily", "4: daily"]);
  assert.deepEqual(reasonsOf(list, { daily: 3 }), ["5: daily", "4: daily", "2: daily"]);
  assert.deepEqual(reasonsOf(list, { daily: 4 }), [
    "5: daily",
    "4: daily",
    "2: daily",
    "1: oldest daily",
  ]);
});

Deno.test("hours, weeks, months and years are those of the calendar", () => {
  const at = (policy: RetentionPolicy, ...times: string[]) => keptIds(snapshots(...times), policy);
  assert.deepEqual(
    at({ hourly: 2 }, local(2026, 1, 1, 9, 5), local(2026, 1, 1, 9, 59), local(2026, 1, 1, 10, 0)),
    [2, 3],
  );
  // Monday begins a week; the first days of 2027 belong to week 53 of 2026.
  assert.deepEqual(
    at({ weekly: 2 }, local(2026, 12, 27), local(2026, 12, 28), local(2027, 1, 3)),
    [1, 3],
  );
  assert.deepEqual(
    at({ weekly: 2 }, local(2026, 12, 30), local(2027, 1, 3), local(2027, 1, 4)),
    [2, 3],
  );
  assert.deepEqual(at({ monthly: 1 }, local(2026, 1, 31), local(2026, 2, 1)), [2]);
  assert.deepEqual(
    at({ yearly: 2 }, local(2025, 12, 31), local(2026, 1, 1), local(2026, 6, 1)),
    [1, 3],
  );
  // The same month of another year is another month.
  assert.deepEqual(at({ monthly: 2 }, local(2025, 1, 1), local(2026, 1, 1)), [1, 2]);
});

Deno.test("an hour, a day, a month of another day, month or year is another one", () => {
  // The oldest of all may stay without a bucket of its own.
  const both = (policy: RetentionPolicy, earlier: string, later: string) =>
    assert.deepEqual(keptIds(snapshots(local(2001, 7, 17), earlier, later), policy), [2, 3]);
  for (let month = 1; month < 12; month++) {
    for (let day = 1; day <= 28; day++) {
      both({ daily: 2 }, local(2026, month, day), local(2026, month + 1, day));
      both({ hourly: 2 }, local(2026, month, day, 20), local(2026, month + 1, day, 20));
    }
    both({ monthly: 2 }, local(2025, month, 3), local(2026, month, 3));
    both({ daily: 2 }, local(2025, month, 3), local(2026, month, 3));
  }
  both({ daily: 2 }, local(2026, 3, 11), local(2026, 4, 1));
  both({ daily: 2 }, local(2026, 1, 31), local(2026, 2, 21));
  both({ hourly: 2 }, local(2026, 1, 1, 20), local(2026, 1, 3, 0));
  both({ monthly: 2 }, local(2025, 12, 1), local(2026, 1, 1));
  both({ weekly: 2 }, local(2025, 3, 5), local(2026, 3, 4));
});

Deno.test("a snapshot that one rule keeps is kept, and says all rules that keep it", () => {
  const list = snapshots(local(2026, 1, 1), local(2026, 5, 1), local(2026, 5, 2));
  const policy = { last: 1, daily: 1, monthly: 2 };
  assert.deepEqual(reasonsOf(list, policy), ["3: last, daily, monthly", "1: monthly"]);
});

Deno.test("all within a time before the newest are kept, however old that is", () => {
  const list = snapshots(
    local(2020, 1, 1, 12),
    local(2020, 1, 14, 11),
    local(2020, 1, 14, 13),
    local(2020, 1, 15, 12),
  );
  assert.deepEqual(keptIds(list, { within: parseDuration("1d") }), [3, 4]);
  assert.deepEqual(keptIds(list, { within: parseDuration("25h") }), [3, 4]);
  assert.deepEqual(keptIds(list, { within: parseDuration("1m") }), [1, 2, 3, 4]);
  assert.equal(
    applyPolicy(list, { within: parseDuration("1d") }, NOW).keep[0]!.reasons[0],
    "within 1d",
  );
});

Deno.test("a clock that was ahead does not make the others old", () => {
  const list = snapshots(local(2026, 1, 1), local(2026, 1, 2), local(2099, 1, 1));
  assert.deepEqual(keptIds(list, { within: parseDuration("2d") }), [1, 2, 3]);
  assert.deepEqual(keptIds(snapshots(local(2099, 1, 1)), { within: parseDuration("1h") }), [1]);
});

Deno.test("a policy that says nothing keeps everything", () => {
  const list = snapshots(local(2026, 1, 1), local(2026, 1, 2));
  for (const policy of [{}, { last: 0, daily: 0 }]) {
    assert(isEmptyPolicy(policy));
    assert.deepEqual(applyPolicy(list, policy).remove, []);
    assert.deepEqual(applyPolicy(list, policy).keep.map(({ reasons }) => reasons), [
      ["no policy"],
      ["no policy"],
    ]);
  }
  assert(!isEmptyPolicy({ within: parseDuration("1h") }));
  assert.deepEqual(applyPolicy([], { last: 1 }), { keep: [], remove: [] });
});

Deno.test("durations are read as they are written", () => {
  assert.deepEqual(parseDuration("2y5m7d3h"), { years: 2, months: 5, days: 7, hours: 3 });
  assert.deepEqual(parseDuration("36h"), { years: 0, months: 0, days: 0, hours: 36 });
  for (const text of ["2y5m7d3h", "14d", "1y6m", "1h"]) {
    assert.equal(formatDuration(parseDuration(text)), text);
  }
  for (const text of ["", "7", "d", "7d2y", "7 d", "-1d", "1.5d", "7D", "1w", "999999d"]) {
    assert.throws(() => parseDuration(text), UsageError, text);
  }
});

const KINDS = ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const;
const count = fc.option(fc.oneof(fc.nat({ max: 6 }), fc.constant(Infinity)), { nil: undefined });

function anyPolicy(): fc.Arbitrary<RetentionPolicy> {
  return fc.record(Object.fromEntries(KINDS.map((kind) => [kind, count]))).map((policy) =>
    Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined))
  );
}

/** Times that lie close together and far apart, some of them twice. */
function anySnapshots(): fc.Arbitrary<Datable[]> {
  const minutes = fc.oneof(fc.nat({ max: 3 * 365 * 24 * 60 }), fc.nat({ max: 3000 }));
  return fc.array(fc.tuple(minutes, fc.integer({ min: 1, max: 2 })), { maxLength: 40 }).map((
    list,
  ) =>
    list.map(([minute, deviceId], at) => ({
      id: at + 1,
      deviceId,
      takenAt: new Date(Date.UTC(2023, 5, 1) + minute * 60_000).toISOString(),
    }))
  );
}

Deno.test("every snapshot is either kept or removed, and the newest of a device is kept", () => {
  fc.assert(fc.property(anySnapshots(), anyPolicy(), (list, policy) => {
    const { keep, remove } = applyPolicy(list, policy, NOW);
    const all = [...keep.map(({ snapshot }) => snapshot), ...remove];
    assert.deepEqual(all.map(({ id }) => id).sort((a, b) => a - b), list.map(({ id }) => id));
    assert(keep.every(({ reasons }) => reasons.length > 0));
    for (const { deviceId, takenAt } of remove) {
      const newer = keep.filter(({ snapshot }) => snapshot.deviceId === deviceId)
        .some(({ snapshot }) => snapshot.takenAt >= takenAt);
      assert(newer, "the newest was removed");
    }
  }));
});

Deno.test("a rule keeps no more than its number, and as many as there are", () => {
  const buckets = {
    last: (_time: string, id: number) => `${id}`,
    hourly: (time: string) => localText(time).slice(0, 13),
    daily: (time: string) => localText(time).slice(0, 10),
    monthly: (time: string) => localText(time).slice(0, 7),
    yearly: (time: string) => localText(time).slice(0, 4),
  };
  const kinds = fc.constantFrom(...Object.keys(buckets) as (keyof typeof buckets)[]);
  fc.assert(
    fc.property(anySnapshots(), kinds, fc.integer({ min: 1, max: 9 }), (all, kind, most) => {
      const list = all.filter(({ deviceId }) => deviceId === 1);
      const { keep } = applyPolicy(list, { [kind]: most }, NOW);
      const there = new Set(list.map(({ takenAt, id }) => buckets[kind](takenAt, id))).size;
      const kept = keep.filter(({ reasons }) => reasons[0] === kind);
      assert.equal(kept.length, Math.min(there, most));
      const distinct = new Set(
        kept.map(({ snapshot }) => buckets[kind](snapshot.takenAt, snapshot.id)),
      );
      assert.equal(distinct.size, kept.length);
      assert(keep.length <= most);
      // Each is the newest of its bucket.
      for (const { snapshot } of kept) {
        const bucket = buckets[kind](snapshot.takenAt, snapshot.id);
        const newer = list.filter((other) =>
          buckets[kind](other.takenAt, other.id) === bucket && other.takenAt > snapshot.takenAt
        );
        assert.deepEqual(newer, []);
      }
    }),
  );
});

Deno.test("what a policy has kept, it keeps when it is asked again", () => {
  fc.assert(fc.property(anySnapshots(), anyPolicy(), (list, policy) => {
    const once = applyPolicy(list, policy, NOW).keep.map(({ snapshot }) => snapshot);
    assert.deepEqual(applyPolicy(once, policy, NOW).remove, []);
  }));
});

Deno.test("a duration that would keep nothing, not even the newest, is refused", () => {
  for (const text of ["0h", "0d", "0y0m"]) {
    assert.throws(() => parseDuration(text), /would keep nothing/);
  }
});

Deno.test("a policy that says more keeps at least as much", () => {
  const most = fc.integer({ min: 1, max: 6 });
  fc.assert(fc.property(anySnapshots(), fc.constantFrom(...KINDS), most, (list, kind, few) => {
    const more = new Set(keptIds(list, { [kind]: few + 1 }));
    for (const id of keptIds(list, { [kind]: few })) assert(more.has(id));
  }));
});

function localText(time: string): string {
  const date = new Date(time);
  const parts = [date.getMonth() + 1, date.getDate(), date.getHours()];
  const [month, day, hour] = parts.map((part) => `${part}`.padStart(2, "0"));
  return `${date.getFullYear()}-${month}-${day}T${hour}`;
}
