// SPDX-License-Identifier: GPL-2.0-only
//
// A remap device over one of the bad disks, made as the tool makes it.
import { createDevice, planCreate, removeDevice } from "../../cli/device/lifecycle.ts";
import type { Place } from "../../cli/device/messages.ts";
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { check, checkEqual } from "../../cli/selftest/check.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { type BadBlock, badBlocks, type Layout, MAIN_SECTORS, SPARE_SECTORS } from "./layout.ts";

/** Counters that a step may change; in sectors where slots and places are meant. */
export interface Counters {
  readonly spareUsed: number;
  readonly spareBad: number;
  readonly remapped: number;
  readonly pending: number;
  readonly lost: number;
  readonly autoRemaps: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  readonly transportErrors: number;
}

/** Of the main device: a partition where the layout wants one. Made once a boot. */
async function mainNode(layout: Layout): Promise<string> {
  const disk = await Deno.realPath(`/dev/lab/${layout.name}`);
  if (layout.mainStart === 0) return disk;
  const partition = `${disk}${/\d$/.test(disk) ? "p" : ""}1`;
  const exists = await Deno.stat(partition).then(() => true, () => false);
  if (!exists) await run("addpart", disk, "1", `${layout.mainStart}`, `${MAIN_SECTORS}`);
  return partition;
}

/** Enough of a list to look into it. */
function some(sectors: readonly number[]): (number | string)[] {
  return sectors.length <= 8 ? [...sectors] : [...sectors.slice(0, 8), `${sectors.length} in all`];
}

export class BadDisk implements AsyncDisposable {
  private constructor(
    readonly dm: DeviceMapper,
    readonly layout: Layout,
    readonly bad: readonly BadBlock[],
    readonly device: RemapDevice,
  ) {}

  static async create(dm: DeviceMapper, layout: Layout, seed: number): Promise<BadDisk> {
    const main = await mainNode(layout);
    const name = `bad-${layout.name}`;
    const plan = await planCreate({
      name,
      main,
      length: BigInt(MAIN_SECTORS),
      ...(layout.ownSpare
        ? { spare: main, spareStart: BigInt(MAIN_SECTORS), spareLength: BigInt(SPARE_SECTORS) }
        : { spare: "/dev/lab/spare" }),
      features: { volatile: true, maxRemaps: 0n, retries: 2n, retryDelayMs: 1n },
      // What an earlier device left in its slots may look like a file system.
      force: true,
    });
    await createDevice(dm, plan);
    return new BadDisk(dm, layout, badBlocks(layout, seed), RemapDevice.open(dm, name));
  }

  get path(): string {
    return `/dev/mapper/${this.device.name}`;
  }

  counters(): Counters {
    const status = this.device.status();
    return {
      spareUsed: Number(status.spareUsed),
      spareBad: Number(status.spareBad ?? 0n),
      remapped: Number(status.remapped),
      pending: Number(status.pending ?? 0n),
      lost: Number(status.lost),
      autoRemaps: Number(status.autoRemaps),
      readErrors: Number(status.readErrors),
      writeErrors: Number(status.writeErrors),
      transportErrors: Number(status.transportErrors ?? 0n),
    };
  }

  /** First sectors of the blocks that a part of the device has in some places. */
  async blocksIn(places: readonly Place["place"][], first = 0, count = MAIN_SECTORS): Promise<
    number[]
  > {
    const found: number[] = [];
    const step = 8192;
    for (let at = first; at < first + count; at += step) {
      const range = { first: BigInt(at), count: BigInt(Math.min(step, first + count - at)) };
      for (const { sector, count, place } of await this.device.verify([range])) {
        if (!places.includes(place)) continue;
        checkEqual("sectors in a place are whole blocks", Number(count) % this.layout.unit, 0);
        const { unit } = this.layout;
        for (let block = 0; block < Number(count); block += unit) {
          found.push(Number(sector) + block);
        }
      }
    }
    return found;
  }

  /** Promise 6, and that nothing that the medium did was taken for something else. */
  checkSums(): void {
    const now = this.counters();
    checkEqual("slots in use or bad", now.spareUsed, now.remapped + now.spareBad);
    checkEqual("errors of transport", now.transportErrors, 0);
    if (!this.layout.ownSpare) checkEqual("bad slots of a healthy spare", now.spareBad, 0);
  }

  /** The table and the counters: these blocks are relocated, and nothing else is. */
  async checkRelocated(expected: readonly BadBlock[]): Promise<void> {
    const relocated = await this.blocksIn(["remapped", "lost"]);
    const wanted = new Set(expected.map(({ sector }) => sector));
    const bad = new Set(this.bad.map(({ sector }) => sector));
    const healthy = relocated.filter((sector) => !bad.has(sector));
    checkEqual("healthy blocks that were relocated", some(healthy), []);
    const missing = [...wanted].filter((sector) => !relocated.includes(sector));
    checkEqual("bad blocks that were written and are not relocated", some(missing), []);
    const surplus = relocated.filter((sector) => !wanted.has(sector));
    checkEqual("blocks that were never written, but relocated", some(surplus), []);
    const { remapped, autoRemaps } = this.counters();
    const sectors = wanted.size * this.layout.unit;
    checkEqual("remapped sectors", remapped, sectors);
    check("automatically relocated", autoRemaps >= sectors, {
      expected: `${sectors} sectors at least`,
      seen: autoRemaps,
    });
    this.checkSums();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeDevice(this.dm, this.device.name, { force: true });
  }
}
