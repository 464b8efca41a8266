// SPDX-License-Identifier: GPL-2.0-only
// A remap device that verifies what it reads, over two disks that may rot.
import { parseStats } from "../../device/messages.ts";
import { checkEqual, checkFails } from "../check.ts";
import { readSectors } from "../content.ts";
import { Rig } from "../rig.ts";
import type { Scope } from "../scope.ts";
import type { StageRun } from "../stage.ts";
import { RottenDisk } from "./verify_disk.ts";

const MAIN_SECTORS = 8192;
const SPARE_SECTORS = 2048;

export const VERIFYING: readonly string[] = [
  ...["volatile", "max_remaps", "0", "retries", "1", "retry_delay_ms", "0"],
  "verify_reads",
];

export interface RottenRig {
  readonly rig: Rig;
  readonly main: RottenDisk;
  readonly spare: RottenDisk;
}

export interface RottenRigOptions {
  readonly features?: readonly string[];
  readonly blockSize?: 512 | 4096;
  readonly mainSectors?: number;
}

/** A device whose disks are as they should be, so far. */
export async function makeRottenRig(
  stage: StageRun,
  scope: Scope,
  { features = VERIFYING, blockSize = 512, mainSectors = MAIN_SECTORS }: RottenRigOptions = {},
): Promise<RottenRig> {
  const make = (sectors: number) =>
    RottenDisk.make(scope, stage.dm, stage.workdir, { sectors, blockSize });
  const [main, spare] = [await make(mainSectors), await make(SPARE_SECTORS)];
  const disks = { main: main.disk, spare: spare.disk };
  return { rig: await Rig.make(scope, stage.dm, disks, { features }), main, spare };
}

export async function stat(rig: Rig, key: string): Promise<bigint> {
  const value = parseStats(await rig.send("stats")).get(key);
  if (typeof value !== "bigint") throw new TypeError(`stats has no number ${key}`);
  return value;
}

/** A read gives EIO: an error, and no bytes. */
export async function checkUnreadable(rig: Rig, first: number, count: number): Promise<void> {
  await checkFails(`a read of ${first}+${count}`, "EIO", () => {
    return readSectors(rig.file, first, count).then(() => "bytes");
  });
}

export async function checkStat(rig: Rig, key: string, expected: bigint): Promise<void> {
  checkEqual(key, await stat(rig, key), expected);
}

/** What is pending, and what else is lost. */
export function checkGone(rig: Rig, what: string, pending: bigint, lost: bigint): void {
  const status = rig.status();
  checkEqual(`pending and lost ${what}`, [status.pending, status.lost], [pending, lost]);
}

/** The spare sector of a sector that is relocated. */
export async function slotOf(rig: Rig, sector: number): Promise<number> {
  const [place] = await rig.places(sector, 1);
  if (place?.spareSector === undefined) throw new TypeError(`sector ${sector} is not relocated`);
  return Number(place.spareSector);
}
