// SPDX-License-Identifier: GPL-2.0-only
// What the cases of the scan stage are given.
import { isUnderWay, parseScan, type ScanReport } from "../../device/scan.ts";
import { check, checkEqual } from "../check.ts";
import { type LoopDisk, makeLoop } from "../loops.ts";
import { type Disks, type Range, Rig, type RigOptions } from "../rig.ts";
import type { Scope } from "../scope.ts";
import type { StageRun } from "../stage.ts";

/** Sectors of the disks that the cases share: sixteen large reads. */
export const MAIN_SECTORS = 32768;
export const SPARE_SECTORS = 2048;
/** Sectors of the target where its whole content is compared. */
export const SHORT = 8192;
/** Sectors that a scan reads at once. */
export const STEP = 2048;

/** Far beyond what a scan of such disks takes. */
const LIMIT_MS = 60_000;

export interface ScanCase {
  readonly name: string;
  readonly run: (bench: ScanBench) => Promise<void>;
}

/** A rig with the messages of a scan. */
export class ScanRig {
  constructor(readonly rig: Rig) {}

  async scan(message: string): Promise<ScanReport> {
    return parseScan(await this.rig.send(`scan ${message}`));
  }

  status(): Promise<ScanReport> {
    return this.scan("status");
  }

  /** Asks until something holds of the scan; it has to in the end. */
  async until(what: string, holds: (scan: ScanReport) => boolean): Promise<ScanReport> {
    const end = performance.now() + LIMIT_MS;
    for (;;) {
      const scan = await this.status();
      if (holds(scan)) return scan;
      check(what, performance.now() < end, { expected: `within ${LIMIT_MS} ms`, seen: scan });
      await pause(10);
    }
  }

  /** Scans a range, or everything, to its end. */
  async whole(first = 0, last = this.rig.length - 1): Promise<ScanReport> {
    checkEqual("the reply to the start", (await this.scan(`${first} ${last}`)).end, BigInt(last));
    return await this.until("the end of the scan", (scan) => !isUnderWay(scan));
  }

  /** Scans everything and checks what it found: exactly these sectors, in order. */
  async finds(what: string, bad: readonly Range[], state = "pending"): Promise<void> {
    const scan = await this.whole();
    checkEqual(`${what}: state`, scan.state, "done");
    checkEqual(`${what}: sectors found`, scan.errors, BigInt(sum(bad)));
    const seen = (await this.rig.places()).filter(({ place }) => place === state);
    checkEqual(
      `${what}: ${state} sectors`,
      seen.map(({ sector, count }) => ({ first: Number(sector), count: Number(count) })),
      bad.map(({ first, count }) => ({ first, count })),
    );
  }

  /** A counter of `stats`. */
  async counter(name: string): Promise<bigint> {
    const match = new RegExp(`^${name}=(\\d+)$`, "m").exec(await this.rig.send("stats"));
    check(`stats: ${name}`, match !== null, { expected: "a number", seen: match });
    return BigInt(match![1]!);
  }
}

export class ScanBench {
  constructor(readonly scope: Scope, readonly stage: StageRun, readonly disks: Disks) {}

  async rig(options: RigOptions = {}, disks = this.disks): Promise<ScanRig> {
    return new ScanRig(await Rig.make(this.scope, this.stage.dm, disks, options));
  }

  /** A device whose content does not matter, with reads of main that take their time. */
  async slow(ms: number, options: RigOptions = {}): Promise<ScanRig> {
    const rig = await this.rig({ faults: true, fill: false, ...options });
    await rig.rig.slowMain(ms);
    return rig;
  }

  /** Disks with large logical blocks. */
  async blockDisks(): Promise<Disks> {
    const { workdir } = this.stage;
    return {
      main: await makeLoop(this.scope, workdir, { sectors: SHORT, blockSize: 4096 }),
      spare: await makeLoop(this.scope, workdir, { sectors: SPARE_SECTORS, blockSize: 4096 }),
    };
  }
}

/** How many sectors a disk has read since it was made. */
export async function sectorsRead(disk: LoopDisk): Promise<number> {
  const text = await Deno.readTextFile(`/sys/block/${disk.name}/stat`);
  return Number(text.trim().split(/\s+/)[2]);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function sum(ranges: readonly Range[]): number {
  return ranges.reduce((all, { count }) => all + count, 0);
}
