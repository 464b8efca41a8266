// SPDX-License-Identifier: GPL-2.0-only
import { check, checkEqual, checkFails } from "../check.ts";
import { readCounters } from "../loops.ts";
import { type Bench, type FunctionalPart, MAIN_SECTORS } from "./bench.ts";
import { LOST_CASES } from "./lost.ts";
import { MOVING_CASES } from "./moving.ts";
import { ZERO_CASES } from "./zeroes.ts";

async function keepsTheData(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  checkEqual("one sector", await rig.send("remap 5"), "remapped=1 lost=0");
  checkEqual("eight sectors", await rig.send("remap 100 8"), "remapped=8 lost=0");
  checkEqual("the last sector", await rig.send(`remap ${rig.length - 1}`), "remapped=1 lost=0");
  await rig.check("content after three relocations");
  await rig.write(0, 256);
  await rig.check("content written afterwards");
}

async function countsWhatIsDone(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(100, 8);
  const before = await rig.places(100, 8);
  await rig.relocate(100, 8);
  checkEqual("places after the same remap again", await rig.places(100, 8), before);
  await rig.relocate(96, 16);
  checkEqual("remapped after an overlapping remap", rig.status().remapped, 16n);
  checkEqual("the places of the first eight", await rig.places(100, 8), before);
  await rig.check("content after overlapping relocations");
}

async function takesSeveralRanges(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  checkEqual("three ranges", await rig.send("remap 10 1 20 2 30 3"), "remapped=6 lost=0");
  const places = (await rig.places(0, 40)).map((
    { sector, count, place },
  ) => [sector, count, place]);
  checkEqual("the places of three ranges", places, [
    [0n, 10n, "main"],
    [10n, 1n, "remapped"],
    [11n, 9n, "main"],
    [20n, 2n, "remapped"],
    [22n, 8n, "main"],
    [30n, 3n, "remapped"],
    [33n, 7n, "main"],
  ]);
}

async function isAllOrNothing(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "100"] });
  const refused: [string, string][] = [
    [`remap 10 5 ${rig.length} 1`, "EINVAL"],
    ["remap 10 5 20 0", "EINVAL"],
    ["remap 20 5 10 5", "EINVAL"],
    ["remap 10 5 14 5", "EINVAL"],
    ["remap 10 5 20 x", "EINVAL"],
    ["remap 10 5 20", "EINVAL"],
    ["remap 10 50 200 51", "ENOSPC"],
  ];
  for (const [message, code] of refused) {
    await checkFails(message, code, () => rig.send(message));
    checkEqual(
      `the places after "${message}"`,
      await rig.send(`verify 0 ${rig.length}`),
      `0 ${rig.length} main`,
    );
  }
  checkEqual("slots in use after refusals", rig.status().spareUsed, 0n);
}

async function checksBoundaries(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1000, fill: false });
  const bad = [
    ...["remap 1000", "remap 999 2", "remap 0 1001", "remap 0 0", "remap -1", "remap 1 -1"],
    ...["remap 18446744073709551615 1", "remap 1 18446744073709551615", "remap 0x10", "remap 1.5"],
    ...["remap 18446744073709551616", "unmap 1000", "unmap 999 2", "unmap 0 0", "unmap x"],
    ...["verify 1000", "verify 999 2", "verify 0 0", "verify 1 18446744073709551615"],
  ];
  for (const message of bad) await checkFails(message, "EINVAL", () => rig.send(message));
  await rig.relocate(0, 1);
  await rig.relocate(999, 1);
  checkEqual("relocated in the end", rig.status().remapped, 2n);
}

async function stopsWhenTheSpareIsFull(bench: Bench): Promise<void> {
  const rig = await bench.rig({ spareLength: 64, features: ["volatile", "max_remaps", "0"] });
  await rig.relocate(0, 60);
  await checkFails("5 sectors where 4 slots are left", "ENOSPC", () => rig.send("remap 500 5"));
  checkEqual("relocated after the refusal", rig.status().remapped, 60n);
  await rig.relocate(1001, 1);
  await rig.relocate(2002, 3);
  checkEqual(
    "the spare",
    rig.statusLine().match(/spare_used=\S+ \S+/)?.[0],
    "spare_used=64/64 (100%)",
  );
  await checkFails("one more", "ENOSPC", () => rig.send("remap 3000"));
  await rig.write(0, 256);
  await rig.check("content with a full spare");
}

async function stopsAtMaxRemaps(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "10"] });
  await rig.relocate(0, 8);
  await checkFails("3 sectors where 2 are allowed", "ENOSPC", () => rig.send("remap 100 3"));
  await rig.relocate(6, 4);
  await checkFails("one more", "ENOSPC", () => rig.send("remap 100"));
  checkEqual("unmap 0", await rig.send("unmap 0"), "cleared=1 kept=0");
  await rig.relocate(100, 1);
}

async function fillsAnySpare(bench: Bench): Promise<void> {
  const slots = 509;
  const features = ["volatile", "max_remaps", "0"];
  const rig = await bench.rig({ features, spareStart: 3, spareLength: slots });
  // Slots are looked for congruent to their sectors, and taken anyway when none of those is left.
  const pairs = Array.from({ length: slots >> 1 }, (_, index) => `${index * 8 + 5} 2`);
  await rig.send(`remap ${pairs.join(" ")}`);
  await rig.relocate(MAIN_SECTORS - 1, slots % 2);
  checkEqual("slots in use", rig.status().spareUsed, BigInt(slots));
  await rig.check("content with every slot in use");
}

async function isRefusedWhileSuspended(bench: Bench): Promise<void> {
  const rig = await bench.rig();
  await rig.relocate(10, 1);
  await bench.dm.suspend(rig.name);
  for (const message of ["remap 5", "unmap 10", "clear"]) {
    await checkFails(`${message} while suspended`, "EBUSY", () => rig.send(message));
  }
  checkEqual("ping while suspended", await rig.send("ping"), "pong");
  await bench.dm.resume(rig.name);
  await rig.relocate(5, 1);
}

async function flushesTheSpare(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  const before = await readCounters(rig.disks.spare);
  await rig.relocate(0, 64);
  const after = await readCounters(rig.disks.spare);
  const flushes = after.flushes - before.flushes;
  check("a relocation makes its copy durable", flushes >= 1, {
    expected: "at least one flush of the spare",
    seen: flushes,
  });
}

export const REMAP: FunctionalPart = {
  name: "6 remap",
  cases: [
    { name: "relocated sectors keep their data", run: keepsTheData },
    { name: "sectors relocated already count as done and stay", run: countsWhatIsDone },
    { name: "several ranges in one message", run: takesSeveralRanges },
    { name: "all or nothing", run: isAllOrNothing },
    { name: "boundaries and numbers: EINVAL", run: checksBoundaries },
    { name: "a full spare: ENOSPC", run: stopsWhenTheSpareIsFull },
    { name: "max_remaps: ENOSPC", run: stopsAtMaxRemaps },
    { name: "every slot of an unaligned spare is used", run: fillsAnySpare },
    { name: "while suspended: EBUSY", run: isRefusedWhileSuspended },
    { name: "the spare is flushed before the relocation counts", run: flushesTheSpare },
    ...LOST_CASES,
    ...ZERO_CASES,
    ...MOVING_CASES,
  ],
};
