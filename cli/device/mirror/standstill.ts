// SPDX-License-Identifier: GPL-2.0-only
// A remap device that stands still: I/O to it waits, and its table on the spare is the whole truth.
import type { DeviceMapper, TargetSpec } from "../../../ffi/libdevmapper.ts";
import { DeviceImage } from "../../metadata/device_image.ts";
import { type Extent, hasSlot } from "../../metadata/extent.ts";
import { SECTOR_SIZE } from "../../metadata/format.ts";
import { loadMetadata, type Metadata } from "../../metadata/load.ts";
import { BusyError, RefusedError } from "../errors.ts";
import { RemapDevice } from "../remap_device.ts";
import { formatTable, type RemapTable, toTarget } from "../table_line.ts";
import { hasSwitched, retireTable, switchMain } from "./carry_over.ts";
import { barrier, linesOver } from "./lines.ts";
import type { Move } from "./move.ts";
import { RangeSet, type Span } from "./range_set.ts";
import { StillSource } from "./source.ts";
import { loadTable, putLayerOn } from "./tables.ts";

/** Ends with {@linkcode Standstill.finish}, or {@linkcode Standstill.giveUp}. */
export class Standstill implements Disposable {
  readonly #entries: readonly Extent[];
  /** What the device is to have if nothing else works. */
  #fallback: readonly TargetSpec[] | undefined;
  #stands = true;

  private constructor(
    private readonly dm: DeviceMapper,
    private readonly move: Move,
    private readonly image: DeviceImage,
    private readonly metadata: Metadata,
  ) {
    this.#entries = [...metadata.extents()].filter(({ state }) => state !== "bad");
  }

  /** Stops the device; its file system, if there is one, notices nothing. */
  static async begin(dm: DeviceMapper, move: Move): Promise<Standstill> {
    const start = Number(move.table.spareStart) * SECTOR_SIZE;
    const image = new DeviceImage(move.spare.node, start, true, { shared: true });
    try {
      await dm.suspend(move.name, { skipLockfs: true });
      try {
        checkUnchanged(dm, move);
        return new Standstill(dm, move, image, loadMetadata(image));
      } catch (error) {
        await dm.resume(move.name);
        throw error;
      }
    } catch (error) {
      image[Symbol.dispose]();
      throw error;
    }
  }

  source(): StillSource {
    const { main, spare, table } = this.move;
    return new StillSource(
      { node: main.node, start: Number(table.mainStart) },
      { node: spare.node, start: Number(table.spareStart) },
      this.#entries,
    );
  }

  /** Readable sectors that must not be believed. */
  wrong(): Span[] {
    return this.#entries.filter(({ state }) => state === "wrong" || state === "wrong_slot")
      .map(({ first, length }) => ({ first, end: first + length }));
  }

  /** The switch. All that is not missing is on the new disk, for good. */
  async finish(missing: readonly Span[]): Promise<void> {
    const { kind, target, targetStart, table, name, acceptLost } = this.move;
    if (kind === "evacuate" && missing.length > 0 && !acceptLost) throw lostError(name, missing);
    const disk = { number: target.number, start: targetStart };
    const length = Number(table.length);
    const plain = linesOver(disk, length, kind === "replace" ? missing : []);
    const next = kind === "replace" && !this.#entries.some(({ state }) => hasSlot(state))
      ? [toTarget(this.#newTable())]
      : plain;
    // Can the device have it? From here on it must not go on with what it has: whoever resumes it
    // by hand, after this program was killed, gets errors, and no disk that counts no more.
    await this.#load(next);
    await this.#load(barrier(length));
    this.#switch(missing);
    this.#fallback = plain;
    await this.#load(next);
    await this.dm.resume(name);
    this.#stands = false;
    // The old disk's table had relocated sectors, and the kernel loads no other beside such a one.
    if (next === plain && kind === "replace") {
      await putLayerOn(this.dm, name, toTarget(this.#newTable()), plain);
    }
  }

  #newTable(): RemapTable {
    const { table, target, targetStart } = this.move;
    return { ...table, main: target.number, mainStart: BigInt(targetStart) };
  }

  #switch(missing: readonly Span[]): void {
    const { kind, target, targetStart, targetId } = this.move;
    const { image, metadata } = this;
    try {
      const mainDeviceSectors = Number(target.sizeSectors);
      const main = { mainId: targetId, mainStart: targetStart, mainDeviceSectors };
      if (kind === "evacuate") return retireTable(image, metadata, main);
      switchMain(image, metadata, main, new RangeSet(missing));
    } catch (error) {
      // What counts is what the spare says: an error may have come behind the first superblock.
      if (!hasSwitched(image, metadata.superblock)) throw error;
    }
  }

  #load(lines: readonly TargetSpec[]): Promise<void> {
    return loadTable(this.dm, this.move.name, lines);
  }

  /**
   * After a failure the device goes on: with what it had, or with the new disk.
   * @throws {RefusedError} if it does not
   */
  async giveUp(reason: unknown): Promise<void> {
    if (!this.#stands) return;
    const { name, target } = this.move;
    try {
      if (this.#fallback === undefined) await this.dm.clear(name);
      else await this.#load(this.#fallback);
      await this.dm.resume(name);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RefusedError(`stands still, and cannot be set going again: ${why}`, {
        device: name,
        cure: `give the command again, with ${target.path}; a reboot will do, too`,
        cause: reason,
      });
    }
  }

  [Symbol.dispose](): void {
    this.image[Symbol.dispose]();
  }
}

/** Nobody keeps others from the device while it is copied. */
function checkUnchanged(dm: DeviceMapper, { name, table }: Move): void {
  const device = RemapDevice.open(dm, name);
  const { mode, migration } = device.status();
  if (formatTable(device.table()) !== formatTable(table) || migration === "running") {
    throw new BusyError("somebody else has changed its table meanwhile", {
      device: name,
      cure: "give the command again when nobody else is at work on it",
    });
  }
  if (mode === "rw") return;
  throw new RefusedError("cannot write its table any more, which is where the switch is recorded", {
    device: name,
    cure: `\`dmremap-ts health ${name}\` says why`,
  });
}

/** At most so many ranges are named. */
const NAMED = 8;

/** "8+2, 100 and 3 more ranges": sectors, as the commands take them. */
export function spansInWords(spans: readonly Span[]): string {
  const named = spans.slice(0, NAMED).map(({ first, end }) =>
    end - first === 1 ? `${first}` : `${first}+${end - first}`
  );
  const more = spans.length - named.length;
  return named.join(", ") + (more === 0 ? "" : ` and ${more} more ranges`);
}

function lostError(name: string, missing: readonly Span[]): RefusedError {
  const count = missing.reduce((sum, { first, end }) => sum + end - first, 0);
  return new RefusedError(
    `${count} sectors have no content, and without the layer nobody will know: ` +
      spansInWords(missing),
    {
      device: name,
      cure: "write these sectors (files that lie there, from a backup), or --accept-lost: " +
        "they read as zeroes then; or replace NAME, which keeps them as errors",
    },
  );
}
