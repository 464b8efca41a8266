// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  BadSlotJoiner,
  DataDigest,
  EntryJoiner,
  ListError,
  SNAPSHOT_STATES,
  TableDigest,
} from "./canonical.ts";
import { anyEntries, DEVICE, ENTRIES } from "./fixture.ts";
import type { BadSlots, SnapshotEntry } from "./types.ts";

function joined(entries: readonly SnapshotEntry[]) {
  const runs: SnapshotEntry[] = [];
  const joiner = new EntryJoiner(DEVICE, (entry) => runs.push(entry));
  for (const entry of entries) joiner.push(entry);
  return { runs, counts: joiner.finish() };
}

function single(entries: readonly SnapshotEntry[]): SnapshotEntry[] {
  return entries.flatMap(({ first, length, state, slot }) =>
    Array.from({ length }, (_, at) => ({
      first: first + at,
      length: 1,
      state,
      slot: slot === 0 ? 0 : slot + at,
    }))
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

Deno.test("the digest is that of the lines that the documentation tells of", () => {
  const digest = new TableDigest();
  for (const entry of ENTRIES) digest.entry(entry);
  digest.badSlots({ slot: 9000, length: 3 });
  assert.equal(
    digest.hex(),
    sha256(
      "remapped 0 4 4096\nlost 8 2 4104\npending 10 1 0\nremapped 549755813888 200 4112\n" +
        "bad 9000 3\n",
    ),
  );
  const data = new DataDigest();
  data.piece(4096, 64, "ab");
  assert.equal(data.hex(), sha256("4096 64 ab\n"));
  assert.equal(data.bytes, 32768);
  // Long ones are hashed in parts.
  const long = new TableDigest();
  let text = "";
  for (let slot = 0; slot < 9000; slot += 2) {
    long.badSlots({ slot, length: 1 });
    text += `bad ${slot} 1\n`;
  }
  assert.equal(long.hex(), sha256(text));
});

Deno.test("any cut of a table gives the same runs, as long as can be", () => {
  fc.assert(fc.property(anyEntries(), (entries) => {
    const whole = joined(entries);
    assert.deepEqual(joined(single(entries)), whole);
    assert.deepEqual(joined(whole.runs), whole);
    assert.deepEqual(single(whole.runs), single(entries));
    const sectors = (states: readonly string[]) =>
      single(entries).filter(({ state }) => states.includes(state)).length;
    assert.deepEqual(whole.counts, {
      entries: whole.runs.length,
      remappedSectors: sectors(["remapped", "lost", "unreadable", "wrong_slot"]),
      lostSectors: sectors(["lost", "unreadable", "wrong_slot"]),
      pendingSectors: sectors(["pending", "wrong"]),
    });
  }));
});

Deno.test("bad slots are joined, and must ascend", () => {
  const runs: BadSlots[] = [];
  const joiner = new BadSlotJoiner(DEVICE, (slots) => runs.push(slots));
  for (const slot of [5, 6, 7, 9]) joiner.push({ slot, length: 1 });
  assert.equal(joiner.finish(), 4);
  assert.deepEqual(runs, [{ slot: 5, length: 3 }, { slot: 9, length: 1 }]);
  joiner.push({ slot: 20, length: 2 });
  assert.throws(() => joiner.push({ slot: 21, length: 1 }), ListError);
});

Deno.test("numbers of states in stores never change", () => {
  assert.deepEqual(SNAPSHOT_STATES, [
    "remapped",
    "lost",
    "pending",
    "unreadable",
    "wrong",
    "wrong_slot",
  ]);
});
