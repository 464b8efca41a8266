// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { checkMetadata } from "./check.ts";
import type { Extent } from "./extent.ts";
import { FakeKernel } from "./fake_kernel.ts";
import { BLOCK_SIZE } from "./format.ts";
import { type Image, MemoryImage, openImage } from "./image.ts";
import { layoutOf } from "./layout.ts";
import { loadMetadata } from "./load.ts";
import { BeyondRepairError, type Salvage, salvage } from "./repair.ts";
import { bySector, GEOMETRY, Life } from "./repair_fixture.ts";
import { encodeSuperblock } from "./superblock.ts";
import { writeMetadata } from "./write.ts";

/** Relocates sectors, each to a slot of its own. */
function relocate(life: Life, ...sectors: readonly number[]): void {
  for (const first of sectors) {
    life.commit({ first, length: 1, slot: life.freeSlot(), state: "remapped" });
  }
}

/** 600 sectors in three blocks of a checkpoint, and three more in the journal. */
function eventful(): Life {
  const life = new Life();
  relocate(life, ...Array.from({ length: 300 }, (_, index) => index * 10));
  life.checkpoint();
  for (let index = 0; index < 4; index++) {
    const slot = life.freeSlot();
    life.commit(...Array.from({ length: 75 }, (_, at): Extent => ({
      first: 5 + (index * 75 + at) * 10,
      length: 1,
      slot: slot + at,
      state: at === 0 ? "lost" : "remapped",
    })));
  }
  life.commit({ first: 0, length: 1, slot: life.freeSlot() + 50, state: "bad" });
  life.checkpoint();
  return life;
}

function repaired(life: Life): Salvage {
  const saved = salvage(life.image);
  writeMetadata(life.image, saved.fields, saved.extents);
  assert.deepEqual(checkMetadata(life.image).problems, []);
  assert.deepEqual(bySector(loadMetadata(life.image).extents()), bySector(saved.extents));
  return saved;
}

const codes = ({ losses }: Salvage) => losses.map(({ code }) => code);

function savesAll(life: Life): void {
  const saved = repaired(life);
  assert.deepEqual(saved.losses, []);
  assert.deepEqual(bySector(saved.extents), bySector(life.extents()));
}

Deno.test("the fixture is what the module would load", () => {
  const life = eventful();
  relocate(life, 2001, 2002);
  assert.deepEqual(checkMetadata(life.image).problems, []);
  assert.deepEqual(bySector(loadMetadata(life.image).extents()), bySector(life.extents()));
  savesAll(life);
});

Deno.test("either superblock stands in for the other", () => {
  for (const how of ["zero", "flip"] as const) {
    for (const copy of [0, 1]) {
      const life = eventful();
      life.damage(copy, how);
      relocate(life, 2001);
      savesAll(life);
    }
  }
});

Deno.test("a damaged checkpoint comes back from the one before it and its journal", () => {
  for (const how of ["zero", "flip"] as const) {
    for (const block of [0, 1, 2]) {
      const life = eventful();
      life.damage(life.layout.checkpointStart[life.superblock.checkpoint] + block, how);
      assert.notDeepEqual(checkMetadata(life.image).problems, []);
      savesAll(life);
    }
  }
});

Deno.test("what the journal wrote over cannot be saved, and that is said", () => {
  const life = eventful();
  relocate(life, 2001);
  const before = bySector(life.extents());
  life.damage(life.layout.checkpointStart[life.superblock.checkpoint]);
  const saved = repaired(life);
  assert.deepEqual(codes(saved), ["checkpoint-damaged"]);
  assert.match(saved.losses[0]!.message, /had 600 sectors relocated, \d+ of them were found/);
  const after = bySector(saved.extents);
  assert.ok(after.every((line) => before.includes(line)), "something was invented");
  const missing = before.filter((line) => !after.includes(line));
  assert.ok(missing.length > 0);
  const [gap] = saved.losses[0]!.ranges;
  for (const line of missing) {
    const sector = Number(line.split(" ")[0]);
    assert.ok(gap!.first <= sector && sector < gap!.first + gap!.length, line);
  }
});

Deno.test("where the checkpoint is sound, the one before it has no say", () => {
  const life = eventful();
  life.commit({ first: 10, length: 1, slot: 0, state: "main" });
  life.checkpoint();
  relocate(life, 2001);
  life.damage(life.layout.checkpointStart[life.superblock.checkpoint] + 2);
  const lines = bySector(repaired(life).extents);
  assert.ok(lines.every((line) => !line.startsWith("10 ")), "an old mapping is back");
  assert.ok(lines.some((line) => line.startsWith("20 remapped")));
});

Deno.test("a checkpoint that was given up has no say, once the journal before it went on", () => {
  const pending = (first: number): Extent => ({ first, length: 1, slot: 0, state: "pending" });
  for (const folded of [1, 2]) {
    const k = new FakeKernel();
    k.checkpoint([pending(1)]);
    for (let at = 0; at < folded; at++) k.commit([pending(10 + 2 * at)]);
    const taken = [pending(1), ...Array.from({ length: folded }, (_, at) => pending(10 + 2 * at))];
    k.checkpoint(taken, { superblock: false });
    // The older superblock, which a checkpoint that counts would have been written to.
    k.rot(0);
    assert.deepEqual(salvage(k.image).extents, taken);
    k.commit([pending(20)]);
    assert.deepEqual(salvage(k.image).extents, [...taken, pending(20)]);
  }
});

Deno.test("a damaged block of the journal loses what it said, and no more", () => {
  const life = eventful();
  relocate(life, 2001, 2002, 2003);
  const before = bySector(life.extents());
  life.damage(life.layout.journalStart + 1);
  assert.notDeepEqual(checkMetadata(life.image).problems, []);
  const saved = repaired(life);
  assert.deepEqual(codes(saved), ["journal-damaged"]);
  const lost = before.filter((line) => !bySector(saved.extents).includes(line));
  assert.deepEqual(lost.map((line) => line.split(" ")[0]), ["2002"]);
});

Deno.test("a slot goes to whom the journal gave it last; its former sector is lost, not stale", () => {
  const life = eventful();
  const { slot } = life.sectors.get(0)!;
  life.commit({ first: 0, length: 1, slot: 0, state: "main" });
  life.commit({ first: 2001, length: 1, slot, state: "remapped" });
  life.damage(life.layout.journalStart);
  const saved = repaired(life);
  assert.deepEqual(codes(saved), ["journal-damaged", "slot-taken"]);
  const lines = bySector(saved.extents);
  assert.ok(lines.includes(`2001 remapped ${slot}`));
  assert.ok(lines.some((line) => line.startsWith("0 lost ")));
});

Deno.test("both superblocks have a wrong checksum, and fit the rest", () => {
  const life = eventful();
  for (const copy of [0, 1]) life.damage(copy);
  const saved = repaired(life);
  assert.deepEqual(bySector(saved.extents), bySector(life.extents()));
});

Deno.test("both superblocks are wiped: beyond repair, and nothing is written", () => {
  const life = eventful();
  for (const copy of [0, 1]) life.damage(copy, "zero");
  assert.throws(() => salvage(life.image), (error) => {
    assert.ok(error instanceof BeyondRepairError);
    assert.match(error.message, /nothing says how large.*meta restore/s);
    return true;
  });
});

Deno.test("the main device's sizes stand in for both superblocks", () => {
  const life = eventful();
  relocate(life, 2001);
  for (const copy of [0, 1]) life.damage(copy, "zero");
  const main = { deviceSectors: GEOMETRY.mainDeviceSectors, id: "wwn:1" };
  const saved = salvage(life.image, main);
  assert.deepEqual(saved.losses, []);
  assert.deepEqual(bySector(saved.extents), bySector(life.extents()));
  assert.deepEqual([saved.fields.mainId, saved.fields.blockSectors], ["wwn:1", 1]);
  writeMetadata(life.image, saved.fields, saved.extents);
  assert.deepEqual(checkMetadata(life.image).problems, []);
  assert.throws(() => salvage(new MemoryImage(1 << 22), main), /no part of a table/);
});

Deno.test("a superblock of more than there is counts for nothing", () => {
  const life = eventful();
  const spareSectors = 2 ** 40;
  const forged = { ...life.superblock, spareSectors, checkpointUsed: 2 ** 31, entries: 2 ** 38 };
  life.write(1, encodeSuperblock({ ...forged, sequence: 2 ** 20 }));
  life.write(0, encodeSuperblock({ ...forged, sequence: 2 ** 21 }));
  assert.throws(() => salvage(life.image), BeyondRepairError);
});

Deno.test("blocks that cannot be read count as damaged", () => {
  for (const block of ["superblock", "checkpoint", "journal"] as const) {
    const life = eventful();
    relocate(life, 2001);
    const { layout: { checkpointStart, journalStart }, superblock } = life;
    const bad = {
      superblock: 0,
      checkpoint: checkpointStart[superblock.checkpoint],
      journal: journalStart,
    };
    const saved = salvage(unreadableAt(life.image, bad[block]));
    assert.equal(saved.losses.length > 0, block !== "superblock", block);
  }
});

function unreadableAt(image: Image, block: number): Image {
  const inside = (offset: number, length: number) =>
    offset < (block + 1) * BLOCK_SIZE && offset + length > block * BLOCK_SIZE;
  return {
    path: image.path,
    sizeBytes: image.sizeBytes,
    read: (offset, length) => {
      if (inside(offset, length)) throw new Error("Input/output error");
      return image.read(offset, length);
    },
    write: (offset, bytes) => image.write(offset, bytes),
    sync: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}

type Step = readonly [
  "relocate" | "unmap" | "pending" | "wrong" | "lost" | "bad" | "checkpoint",
  number,
];

const STEPS = fc.array(
  fc.tuple(
    fc.constantFrom<Step[0]>(
      "relocate",
      "relocate",
      "unmap",
      "pending",
      "wrong",
      "lost",
      "bad",
      "checkpoint",
    ),
    fc.nat(40),
  ),
  { minLength: 1, maxLength: 60 },
);

function lived(steps: readonly Step[]): Life {
  const life = new Life();
  for (const [what, first] of steps) {
    const slot = life.freeSlot();
    if (what === "checkpoint") life.checkpoint();
    else if (what === "unmap") life.commit({ first, length: 1, slot: 0, state: "main" });
    else if (what === "pending" || what === "wrong") {
      if (!life.sectors.has(first)) life.commit({ first, length: 1, slot: 0, state: what });
    } else if (what === "bad") life.commit({ first: 0, length: 1, slot, state: what });
    else life.commit({ first, length: 1, slot, state: what === "lost" ? what : "remapped" });
  }
  return life;
}

/** What must hold whatever happened: sound again, and no mapping that never was. */
function soundAndHonest(life: Life): Salvage | undefined {
  let saved: Salvage;
  try {
    saved = repaired(life);
  } catch (error) {
    assert.ok(error instanceof BeyondRepairError, `${error}`);
    return undefined;
  }
  for (const { first, length, slot, state } of saved.extents) {
    if (state !== "remapped") continue;
    for (let at = 0; at < length; at++) {
      assert.ok(life.history.has(`${first + at}>${slot + at}`), `${first + at} was never there`);
    }
  }
  return saved;
}

Deno.test("of any life, one block damaged: all is saved, or it is said what is not", () => {
  const damage = fc.record({ place: fc.nat(), how: fc.constantFrom("zero", "flip") });
  fc.assert(
    fc.property(STEPS, damage, (steps, { place, how }) => {
      const life = lived(steps);
      const used = [
        ...life.superblock.sequence > 1 ? [0, 1] : [],
        ...Array.from(
          { length: life.superblock.checkpointUsed },
          (_, index) => life.layout.checkpointStart[life.superblock.checkpoint] + index,
        ),
        // Of a damaged last block nobody can tell that it was more than a write cut short.
        ...Array.from(
          { length: Math.max(0, life.journalUsed - 1) },
          (_, index) => life.layout.journalStart + index,
        ),
      ];
      if (used.length === 0) return;
      life.damage(used[place % used.length]!, how === "zero" ? "zero" : "flip");
      const truth = bySector(life.extents());
      const saved = soundAndHonest(life);
      assert.ok(saved !== undefined, "one damaged block is never beyond repair");
      if (saved.losses.length === 0) assert.deepEqual(bySector(saved.extents), truth);
    }),
    { numRuns: 200 },
  );
});

Deno.test("of any life, anything damaged: sound again with nothing invented, or beyond repair", () => {
  const damages = fc.array(fc.tuple(fc.nat(), fc.boolean()), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(STEPS, damages, (steps, list) => {
      const life = lived(steps);
      const blocks = life.layout.journalStart + 12;
      for (const [place, zero] of list) life.damage(place % blocks, zero ? "zero" : "flip");
      soundAndHonest(life);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a table of many entries", () => {
  const path = Deno.makeTempFileSync();
  try {
    const spareSectors = 1 << 19;
    Deno.truncateSync(path, spareSectors * 512);
    using image = openImage(path, { write: true });
    const { slotsStart } = layoutOf(spareSectors, 1);
    const extents = Array.from({ length: 150_000 }, (_, index): Extent => ({
      first: index * 4,
      length: 1,
      slot: slotsStart + index * 2,
      state: "remapped",
    }));
    const sizes = { spareSectors, spareDeviceSectors: spareSectors };
    writeMetadata(image, { ...GEOMETRY, ...sizes, uuid: crypto.randomUUID() }, extents);
    assert.deepEqual(salvage(image).extents, extents);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("what was never ours is beyond repair", () => {
  for (const fill of [0, 0xa5]) {
    const image = new MemoryImage(new Uint8Array(1 << 20).fill(fill));
    assert.throws(() => salvage(image), BeyondRepairError);
  }
});

Deno.test("what has moved to another spare is not brought back from the old one", () => {
  for (const [incompat, words] of [[1, /was not finished/], [2, /has moved/]] as const) {
    for (const damage of [[], [1], [0, 1]]) {
      const life = eventful();
      const tombstone = encodeSuperblock({ ...life.superblock, incompat });
      for (const copy of [0, 1]) life.image.write(copy * BLOCK_SIZE, tombstone);
      for (const copy of damage) life.image.write(copy * BLOCK_SIZE + 220, new Uint8Array([9]));
      assert.throws(() => salvage(life.image, { deviceSectors: GEOMETRY.mainSectors }), (error) => {
        assert(error instanceof BeyondRepairError);
        assert.match(error.reason, words);
        return true;
      });
    }
  }
});
