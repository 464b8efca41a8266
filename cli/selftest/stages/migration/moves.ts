// SPDX-License-Identifier: GPL-2.0-only
// Migrations that come to their end: all is on the new spare then, and the old one does not count.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import { BLOCK_SECTORS, BLOCK_SIZE } from "../../../metadata/format.ts";
import { type DecodedSuperblock, decodeSuperblock } from "../../../metadata/superblock.ts";
import { check, checkEqual, checkFails } from "../../check.ts";
import { checkLost, readSectors } from "../../content.ts";
import { Listener } from "../../listener.ts";
import { readCounters } from "../../loops.ts";
import { Random } from "../../random.ts";
import type { Rig } from "../../rig.ts";
import { inBackground } from "../../tasks.ts";
import { fio } from "../fio.ts";
import { pause } from "../errors/here.ts";
import { checkAround, readFails, slotOf, write } from "../errors/requests.ts";
import { layoutOn } from "../persistence/view.ts";
import { RELOCATED, RELOCATED_SECTORS, SECTORS } from "../hotplug/bench.ts";
import { Load } from "../hotplug/load.ts";
import {
  begin,
  checkIsOn,
  checkPromises,
  checkSome,
  ended,
  migrate,
  migrateBeside,
  type MigrationBench,
  type MigrationPart,
  type SparePlace,
  wipe,
} from "./bench.ts";

const MOVED = /has moved/;
const SLOW_MS = 4;
/** There and back. */
const ROUNDS = 2;
/** On main: written, read, and relocated by hand while they are bad. */
const BAD = { written: 3, pending: 5, lost: 7 };
const HOLES = [BAD.pending, BAD.lost];

async function meetBadSectors(rig: Rig, { main }: MigrationBench): Promise<void> {
  await main.fail([BAD.written, BAD.pending, BAD.lost].map((first) => ({ first, count: 1 })));
  await write(rig, BAD.written, 1);
  await readFails(rig, BAD.pending, 1);
  await rig.relocate(BAD.lost, 1, 1);
}

/** What is where, slots aside. */
async function placesOf(rig: Rig): Promise<string[]> {
  const places = await rig.places();
  const sectors = places.flatMap(({ sector, count, place }) =>
    Array.from({ length: Number(count) }, (_, at) => `${Number(sector) + at} ${place}`)
  );
  return sectors.filter((text) => !text.endsWith(" main"));
}

/** Two of them, so that one may be damaged; and each spare says which is the other. */
async function checkSuperblocks(bench: MigrationBench): Promise<void> {
  const kinds = async ({ disk, start }: SparePlace) => {
    using file = DirectFile.open(disk.path, { write: true });
    const bytes = await readSectors(file, start, 2 * BLOCK_SECTORS);
    return [0, BLOCK_SIZE].map((at) => decodeSuperblock(bytes.subarray(at, at + BLOCK_SIZE)));
  };
  const [old, now] = [await kinds(bench.first), await kinds(bench.second)];
  checkEqual("superblocks", [...old, ...now].map(({ kind }) => kind), [
    ...["moved", "moved", "sound", "sound"],
  ]);
  const tell = (block: DecodedSuperblock, key: "uuid" | "linkedUuid") =>
    "superblock" in block ? block.superblock[key] : "";
  for (const copy of [0, 1]) {
    checkEqual("where it comes from", tell(now[copy]!, "linkedUuid"), tell(old[copy]!, "uuid"));
    checkEqual("where it has gone", tell(old[copy]!, "linkedUuid"), tell(now[copy]!, "uuid"));
  }
}

async function movesEverything(bench: MigrationBench): Promise<void> {
  const { first, second, main } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await meetBadSectors(rig, bench);
    const before = await placesOf(rig);
    const listener = new Listener(bench.scope, bench.dm, rig.name);
    const flushes = (await readCounters(second.disk.below)).flushes;
    const { total, copied, lost } = await migrate(rig, second);
    // The mark, twice; the copies; the table, and its superblock, twice.
    const flushed = (await readCounters(second.disk.below)).flushes - flushes;
    check("flushes of the new spare", flushed >= 6, { expected: "6 or more", seen: flushed });
    checkEqual("sectors to copy, copied, lost", [total, copied >= RELOCATED_SECTORS, lost], [
      ...[RELOCATED_SECTORS + 2, true, 0],
    ]);
    await listener.expect("migration");
    await checkSuperblocks(bench);
    checkEqual("the table, slots aside", await placesOf(rig), before);
    // Nobody needs the old one any more.
    await first.disk.die();
    await checkAround("everything after the migration", rig, HOLES);
    await checkLost("what was lost before", rig.file, BAD.lost, 1);
    for (const { first, count } of RELOCATED) await write(rig, first, count);
    await rig.relocate(100, 4);
    await rig.file.flush();
    await checkAround("everything after writes", rig, HOLES);
  });
  await first.disk.heal();
  await main.heal();
  await bench.refuses(first, MOVED);
  await bench.life(second, content, async (rig) => {
    await rig.check("everything in the next life", 0, BAD.lost);
    await rig.check("everything in the next life", BAD.lost + 1, SECTORS - BAD.lost - 1);
    await write(rig, BAD.lost, 1);
    await rig.check("everything");
  });
}

/** Relocates and takes back, as it falls, until it is told to stop. */
async function move(rig: Rig, random: Random, goesOn: () => boolean): Promise<void> {
  const most = RELOCATED_SECTORS + 600;
  while (goesOn()) {
    const first = random.below(rig.length - 32);
    const count = random.between(1, 32);
    const full = Number(rig.status().remapped) + count > most;
    if (!full && random.below(2) === 0) await rig.relocate(first, count);
    else await rig.send(`unmap ${first} ${full ? 32 : count}`);
  }
}

async function movesUnderLoad(bench: MigrationBench): Promise<void> {
  const places = [bench.first, bench.second];
  const content = bench.newContent();
  const last = await bench.life(bench.first, content, async (rig) => {
    for (const place of places) await bench.slow(place, SLOW_MS);
    const load = new Load(rig, bench.seed, () => false);
    let running = true;
    const moving = inBackground([move(rig, new Random(bench.seed), () => running)]);
    load.start();
    let place = bench.first;
    for (let round = 1; round <= ROUNDS; round++) {
      place = places[round % 2]!;
      await wipe(place);
      await migrateBeside(rig, place);
      await load.goesOn(50);
    }
    running = false;
    await moving;
    await load.stop();
    for (const { disk } of places) await disk.heal();
    await load.settle("everything after it", rig);
    await checkPromises("after both migrations", rig, place);
    return place;
  });
  await bench.life(last, content, (rig) => rig.check("everything in the next life"));
}

/** fio verifies what it writes while everything below it moves. */
async function movesUnderFio(bench: MigrationBench): Promise<void> {
  const places = [bench.first, bench.second];
  await bench.life(bench.first, bench.newContent(), async (rig) => {
    for (const place of places) await bench.slow(place, SLOW_MS);
    let running = true;
    const moving = inBackground([
      (async () => {
        for (let round = 1; round <= 4; round++) {
          await wipe(places[round % 2]!);
          await migrateBeside(rig, places[round % 2]!);
        }
      })().finally(() => running = false),
    ]);
    let runs = 0;
    const job = { file: rig.device.path, blockKiB: 4, depth: 8, seconds: 1, verify: true } as const;
    for (; running; runs++) {
      await fio(
        { ...job, rw: runs % 2 === 0 ? "randwrite" : "write", engine: "libaio" },
        bench.signal,
      );
    }
    await moving;
    checkSome("runs of fio", runs);
    for (const { disk } of places) await disk.heal();
  });
}

/** A slot that cannot be read is lost, and no other. */
async function losesWhatCannotBeRead(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  const sector = RELOCATED[0]!.first + 5;
  await bench.life(first, content, async (rig) => {
    await first.disk.fail([{ first: await slotOf(rig, sector), count: 2 }]);
    const { lost } = await migrate(rig, second);
    checkEqual("lost by the migration", lost, 2);
    await checkAround("all others", rig, [sector, sector + 1]);
    await checkLost("what could not be read", rig.file, sector, 2);
    checkEqual("lost", rig.status().lost, 2n);
    // It must not come back from the old one.
    await first.disk.heal();
    await checkLost("what could not be read", rig.file, sector, 2);
    await write(rig, sector, 1);
    await rig.check("what was written anew", sector, 1);
  });
  await bench.life(second, content, async (rig) => {
    await checkAround("everything in the next life", rig, [sector + 1]);
    await checkLost("what was not written", rig.file, sector + 1, 1);
  });
}

async function movesToTheSameDisk(bench: MigrationBench): Promise<void> {
  const { second } = bench;
  const length = 1280;
  const [head, tail]: readonly [SparePlace, SparePlace] = [
    { ...second, start: 8, length },
    { ...second, start: 8 + length, length },
  ];
  await wipe(head);
  await wipe(tail);
  const content = bench.newContent();
  await bench.life(head, content, async (rig) => {
    for (const { first, count } of RELOCATED) await rig.write(first, count);
    await rig.relocate(100, 200);
    await migrate(rig, tail);
    await rig.check("everything on the other half of the disk");
  });
  await bench.refuses(head, MOVED);
  await bench.life(tail, content, (rig) => rig.check("everything in the next life"));
}

/** The old spare's metadata cannot be written any more: then a migration is the way out. */
async function leavesAReadOnlySpare(bench: MigrationBench): Promise<void> {
  const { first, second, main } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    const count = layoutOn(first.length, 512).slotsStart;
    await first.disk.fail([{ first: 0, count }]);
    await main.fail([{ first: 3, count: 1 }]);
    await checkFails("a write that has to be relocated", "EIO", () => rig.write(3, 1));
    checkEqual("mode", rig.status().mode, "ro");
    await begin(rig, second);
    checkEqual("the end of the migration", (await ended(rig)).state, "done");
    checkIsOn("the table", rig, second);
    checkEqual("mode", rig.status().mode, "rw");
    await checkAround("everything but what is in doubt", rig, [3]);
    await rig.relocate(200, 4);
    await rig.file.flush();
  });
  await main.heal();
  await bench.life(second, content, async (rig) => {
    await write(rig, 3, 1);
    await rig.check("everything in the next life");
    const relocated = (await rig.places(200, 4)).every(({ place }) => place === "remapped");
    check("what was relocated after the migration", relocated, { expected: "so", seen: "not so" });
  });
}

/** It could not be told that its content has moved; by the time that it could, it is in use again. */
async function usesTheOldSpareAgain(bench: MigrationBench): Promise<void> {
  const { first, second } = bench;
  const content = bench.newContent();
  await bench.life(first, content, async (rig) => {
    await first.disk.fail([{ first: 0, count: 16 }]);
    await begin(rig, second);
    checkEqual("the end of the migration", (await ended(rig)).state, "done");
    await first.disk.heal();
    await wipe(first);
    await migrate(rig, first);
    for (let round = 0; round < 3; round++) {
      await bench.dm.suspend(rig.name);
      await bench.dm.resume(rig.name);
      await pause(50);
    }
    await rig.check("everything after the way back");
    await rig.relocate(300, 4);
  });
  await bench.refuses(second, MOVED);
  await bench.life(first, content, (rig) => rig.check("everything in the next life"));
}

export const MOVES: MigrationPart = {
  name: "1 to another spare",
  cases: [
    { name: "promise 1: everything moves, and the old spare is refused", run: movesEverything },
    { name: "promise 1: there and back under load, while sectors move", run: movesUnderLoad },
    { name: "promise 1: there and back while fio verifies", run: movesUnderFio },
    { name: "promise 3: what the old spare cannot read is lost", run: losesWhatCannotBeRead },
    { name: "promise 5: to another part of the same disk", run: movesToTheSameDisk },
    { name: "promise 7: away from a spare that takes no metadata", run: leavesAReadOnlySpare },
    { name: "promise 10: back to a spare that could not be told", run: usesTheOldSpareAgain },
  ],
};
