// SPDX-License-Identifier: GPL-2.0-only
// What is done with known bad areas, once there is a device.
import { countStates, relocationSteps, requireRoom } from "../device/known_bad.ts";
import { remapMessage } from "../device/messages.ts";
import type { RemapDevice } from "../device/remap_device.ts";
import { startScan, startScanMessage } from "../device/scan.ts";
import type { SectorRange } from "../device/sectors.ts";
import { RefusedError, TooSmallError } from "../device/errors.ts";
import { firstBeyond, type Frame, placeAreas, type Placed, SECTOR_BYTES } from "../lists/place.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { countOf } from "../output/units.ts";
import type { KnownList } from "./import_source.ts";
import { followScan } from "./support/scan_follow.ts";
import type { Session } from "./support/session.ts";

/** What becomes of the sectors of a list. */
export type Fate = "relocate" | "pending";

/** What came of it. */
export interface Outcome {
  readonly relocated: bigint;
  readonly lost: bigint;
  readonly pending: bigint;
}

/** Sectors that a dying disk takes its time to refuse: so long may one message take. */
const GRACE_MS = 60_000;

/** What a scan reads over rather than to be started anew: reading takes less time than that. */
const GAP = 2048n;

/**
 * The part of a list that lies on a device.
 * @throws {TooSmallError} where the list is of something larger than `sizeSectors`
 */
export function placeList(
  list: KnownList,
  frame: Frame,
  whole?: { readonly path: string; readonly sizeSectors: bigint },
): Placed {
  if (whole !== undefined) {
    const beyond = firstBeyond(list.areas, whole.sizeSectors * SECTOR_BYTES, list.slack);
    if (beyond !== undefined) {
      throw new TooSmallError(
        `has ${whole.sizeSectors} sectors, but ${list.file} names sector ` +
          `${beyond.start / SECTOR_BYTES}; nothing was changed`,
        {
          device: whole.path,
          cure: "give the --block-size in which the list was made; or --list-offset, if it is " +
            "of a larger disk",
        },
      );
    }
  }
  return placeAreas(list.areas, frame);
}

/** What areas outside of the device come to, for the user. */
export function noteElsewhere(session: Session, file: string, { elsewhere }: Placed): void {
  if (elsewhere === 0) return;
  session.out.note(
    `${file}: ${countOf(elsewhere, "area")} not wholly on the device, left away as far as they ` +
      "are not",
  );
}

/** For `--dry-run`. */
export function fateMessages(
  fate: Fate,
  ranges: readonly SectorRange[],
  length: bigint,
): string[] {
  return fate === "relocate"
    ? Array.from(relocationSteps(ranges), remapMessage)
    : scansOf(ranges).map((range) => startScanMessage(length, range));
}

/** @throws {RefusedError} that says how much was done, if not all */
export async function applyFate(
  session: Session,
  device: RemapDevice,
  fate: Fate,
  { ranges, sectors }: Placed,
): Promise<Outcome> {
  session.graceMs = GRACE_MS;
  if (fate === "relocate") return await relocate(session, device, ranges, sectors);
  for (const range of scansOf(ranges)) {
    const report = await followScan(session, device, await startScan(device, range));
    requireGoing(session, device.name);
    if (report.state === "done") continue;
    throw new RefusedError(`the scan of its sector ${range.first} and behind it has not ended`, {
      device: device.name,
      cure: "the kernel's log says why; do the same again",
    });
  }
  return await countStates(device, ranges);
}

async function relocate(
  session: Session,
  device: RemapDevice,
  ranges: readonly SectorRange[],
  sectors: bigint,
): Promise<Outcome> {
  const steps = [...relocationSteps(ranges)];
  if (steps.length > 1) await requireRoom(device, ranges, sectors);
  const sum = { relocated: 0n, lost: 0n, pending: 0n };
  for (const step of steps) {
    requireGoing(session, device.name, sum.relocated);
    try {
      const { remapped, lost } = await device.remap(step);
      sum.relocated += remapped;
      sum.lost += lost;
    } catch (error) {
      if (sum.relocated === 0n) throw error;
      throw new RefusedError(`only ${sum.relocated} of ${sectors} sectors were relocated`, {
        device: device.name,
        cure: "mend that, and do the same again: what is relocated counts as done",
        cause: error,
      });
    }
  }
  return sum;
}

function requireGoing({ signal, out }: Session, name: string, done = 0n): void {
  if (!signal.aborted) return;
  if (done > 0n) {
    out.note(`${done} sectors of the list are on the spare of ${name}, the others where they were`);
  }
  throw new InterruptedError("interrupted");
}

/** Few scans for many ranges. */
function scansOf(ranges: readonly SectorRange[]): SectorRange[] {
  const scans: SectorRange[] = [];
  for (const { first, count } of ranges) {
    const last = scans.at(-1);
    if (last !== undefined && first - (last.first + last.count) <= GAP) {
      scans[scans.length - 1] = { first: last.first, count: first + count - last.first };
    } else scans.push({ first, count });
  }
  return scans;
}
