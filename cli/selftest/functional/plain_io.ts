// SPDX-License-Identifier: GPL-2.0-only
// I/O on a device that has relocated nothing: what goes in lies on main, at the same place.
import { check, checkEqual, checkFails, codeOf } from "../check.ts";
import { position, readSectors } from "../content.ts";
import { readCounters } from "../loops.ts";
import { makeSectors, SECTOR } from "../pattern.ts";
import { Random } from "../random.ts";
import { type Bench, type FunctionalPart, MAIN_SECTORS } from "./bench.ts";

async function goesToMain(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: MAIN_SECTORS - 64, mainStart: 64 });
  const before = await readCounters(rig.disks.spare);
  for (const sector of [0, 1, 7, 8, 1000, rig.length - 1]) {
    await rig.write(sector, 1);
    await rig.check("a sector that was written", sector, 1);
  }
  await rig.check("the whole device");
  await rig.checkMain("the whole device", rig.content);
  const after = await readCounters(rig.disks.spare);
  checkEqual("writes that the spare saw", after.writes - before.writes, 0);
}

async function endsAtItsEnd(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1000, fill: false });
  await checkFails("a write behind the last sector", "ENOSPC", () => {
    return rig.file.write(position(1000), makeSectors(1000, 1, 1));
  });
  const bytes = await rig.file.read(position(999), 2 * SECTOR);
  checkEqual("bytes that a read over the end gives", bytes.length, SECTOR);
}

async function takesRandomRequests(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  const random = new Random(bench.settings.seed);
  for (let round = 0; round < 100; round++) {
    const first = random.below(rig.length);
    const count = Math.min(random.between(1, 300), rig.length - first);
    if (random.below(2) === 0) await rig.write(first, count);
    else await rig.check("a random read", first, count);
  }
  await rig.check("the whole device after random requests");
}

async function takesManyAtOnce(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await Promise.all(Array.from({ length: 64 }, (_, index) => rig.write(index * 100, 90)));
  await Promise.all(
    Array.from({ length: 64 }, (_, index) => rig.check("one of 64 reads", index * 100, 100)),
  );
}

async function flushesBoth(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  const { main, spare } = rig.disks;
  const flushes = async () => ({
    main: (await readCounters(main)).flushes,
    spare: (await readCounters(spare)).flushes,
  });
  const rounds = 5;
  for (const relocated of [false, true]) {
    if (relocated) await rig.relocate(8, 8);
    const before = await flushes();
    for (let round = 0; round < rounds; round++) {
      await rig.file.write(position(8), makeSectors(8, 8, 1));
      await rig.file.flush();
    }
    const after = await flushes();
    const seen = { main: after.main - before.main, spare: after.spare - before.spare };
    const what = `flushes of both disks after ${rounds} of the device`;
    checkEqual(`${what}, ${relocated ? "sectors" : "nothing"} relocated`, seen, {
      main: rounds,
      spare: rounds,
    });
  }
}

/** A durable write is one with FUA, or one with a flush behind it: the disk it goes to sees either. */
async function writesDurably(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  await rig.relocate(8, 8);
  for (const [sector, name] of [[0, "main"], [8, "spare"]] as const) {
    const before = await readCounters(rig.disks[name]);
    await rig.file.write(position(sector), makeSectors(sector, 8, 7), { dsync: true });
    const after = await readCounters(rig.disks[name]);
    const flushes = after.flushes - before.flushes;
    check(`a write with RWF_DSYNC to a sector on ${name}`, flushes >= 1, {
      expected: `at least one flush of ${name}`,
      seen: flushes,
    });
  }
}

async function neverWaitsWithNowait(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(100, 10);
  for (const first of [0, 95, 102]) {
    let bytes: Uint8Array | undefined;
    // A loop device may well answer EAGAIN; EOPNOTSUPP would be ours.
    for (let attempt = 0; attempt < 50 && bytes === undefined; attempt++) {
      bytes = await rig.file.read(position(first), SECTOR, { nowait: true }).catch((error) => {
        if (codeOf(error) === "EAGAIN") return undefined;
        throw error;
      });
    }
    if (bytes === undefined) continue;
    const plain = await readSectors(rig.file, first, 1);
    checkEqual(`sector ${first} read with RWF_NOWAIT`, [...bytes], [...plain]);
  }
}

async function takesItsLimitsFromBoth(bench: Bench): Promise<void> {
  const disks = await bench.ownDisks({ mainBlock: 4096 });
  // Else main's would be the smallest, and all the same if the spare were never asked.
  const limit = `/sys/block/${disks.spare.name}/queue/max_sectors_kb`;
  const usual = await Deno.readTextFile(limit);
  bench.scope.defer(limit, () => Deno.writeTextFile(limit, usual, { create: false }));
  await Deno.writeTextFile(limit, "64", { create: false });
  const rig = await bench.rig({ fill: false }, disks);
  const queue = async (name: string, file: string) => {
    const { minor } = bench.dm.info(rig.name) ?? { minor: 0 };
    const device = name === "" ? `dm-${minor}` : name;
    return Number(await Deno.readTextFile(`/sys/block/${device}/queue/${file}`));
  };
  checkEqual("logical_block_size", await queue("", "logical_block_size"), 4096);
  const largest = Math.max(
    await queue(disks.main.name, "physical_block_size"),
    await queue(disks.spare.name, "physical_block_size"),
  );
  checkEqual("physical_block_size", await queue("", "physical_block_size"), largest);
  const smallest = Math.min(
    await queue(disks.main.name, "max_sectors_kb"),
    await queue(disks.spare.name, "max_sectors_kb"),
  );
  const own = await queue("", "max_sectors_kb");
  check("max_sectors_kb", own <= smallest, { expected: `at most ${smallest}`, seen: own });
}

export const PLAIN_IO: FunctionalPart = {
  name: "4 plain I/O",
  cases: [
    { name: "single sectors go to main, and only there", run: goesToMain },
    { name: "the device ends where its table says", run: endsAtItsEnd },
    { name: "100 random requests", run: takesRandomRequests },
    { name: "64 requests at once", run: takesManyAtOnce },
    { name: "a flush reaches both disks", run: flushesBoth },
    { name: "a durable write flushes the disk it goes to", run: writesDurably },
    { name: "reads with NOWAIT", run: neverWaitsWithNowait },
    { name: "limits of both disks", run: takesItsLimitsFromBoth },
  ],
};
