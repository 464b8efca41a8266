// SPDX-License-Identifier: GPL-2.0-only
// The brake: a disk that goes bad all over must not eat the spare up in a minute.
import { check, checkEqual, checkMatch } from "../../check.ts";
import type { ErrorsBench, ErrorsPart } from "./bench.ts";
import { pause } from "./here.ts";
import { readStat } from "./promises.ts";
import { checkCounts, write } from "./requests.ts";

const PARAMETER = "/sys/module/dm_remap/parameters/max_remaps_per_minute";
const LIMIT = 5;

/** Sets the limit until the end of the case. */
async function limitRemaps(bench: ErrorsBench, limit: number): Promise<void> {
  const before = (await Deno.readTextFile(PARAMETER)).trim();
  const set = (value: string) => Deno.writeTextFile(PARAMETER, value, { create: false });
  bench.scope.defer(PARAMETER, () => set(before));
  await set(`${limit}`);
}

async function brakes(bench: ErrorsBench): Promise<void> {
  await limitRemaps(bench, LIMIT);
  const { rig, main } = await bench.rig();
  const bad = Array.from({ length: 20 }, (_, index) => index * 64 + 7);
  await main.fail(bad.map((first) => ({ first, count: 1 })));
  const refused: number[] = [];
  for (const sector of bad) {
    await write(rig, sector, 1).catch(() => refused.push(sector));
  }
  checkEqual("writes that were refused", refused.length, bad.length - LIMIT);
  checkCounts("behind the brake", rig, { remapped: LIMIT, spareUsed: LIMIT, autoRemaps: LIMIT });
  const brakings = await readStat(rig, "storm_brakes");
  check("storm_brakes", brakings >= 1, { expected: "at least 1", seen: brakings });
  for (let tries = 0; tries < 1500 && rig.status().health === "good"; tries++) await pause(20);
  checkMatch(
    "the health",
    await rig.send("health"),
    /^health=(?!good)\w+ .*(storm|brake|paus|minute)/,
  );
  await rig.check("what was relocated before", 0, (bad[LIMIT - 1] ?? 0) + 1);
  await write(rig, bad[0] ?? 0, 1);
  await write(rig, 1024 + 100, 4);
  await rig.check("a healthy sector", 1024 + 90, 16);
  checkEqual("a manual remap", await rig.send("remap 2000"), "remapped=1 lost=0");
}

async function countsEachDevice(bench: ErrorsBench): Promise<void> {
  await limitRemaps(bench, LIMIT);
  const { rig, main } = await bench.rig();
  await main.fail([{ first: 100, count: LIMIT }]);
  await write(rig, 96, 16);
  checkCounts("at the limit, not beyond it", rig, { remapped: LIMIT, autoRemaps: LIMIT });
  checkEqual("storm_brakes", await readStat(rig, "storm_brakes"), 0);
  await rig.check("everything");
}

export const STORM: ErrorsPart = {
  name: "8 the storm brake",
  cases: [
    { name: "above the limit nothing is relocated, all else served", run: brakes },
    { name: "at the limit everything is", run: countsEachDevice },
  ],
};
