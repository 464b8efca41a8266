// SPDX-License-Identifier: GPL-2.0-only
// Areas that are known to be bad before a device meets them.
import { RefusedError, TooSmallError } from "./errors.ts";
import type { RemapDevice } from "./remap_device.ts";
import type { SectorRange } from "./sectors.ts";
import { type System, thisSystem } from "./system.ts";
import type { RemapFeatures } from "./table_line.ts";

/** So much goes with one message, which cannot be interrupted: its text, and what it copies. */
const MESSAGE_RANGES = 64;
const MESSAGE_SECTORS = 16384n;

/** How many sectors of some ranges are in which state. */
export interface RangeCounts {
  readonly relocated: bigint;
  readonly lost: bigint;
  readonly pending: bigint;
}

/** Cuts ranges into what one message relocates: all of it, or nothing. */
export function* relocationSteps(ranges: readonly SectorRange[]): Generator<SectorRange[]> {
  let step: SectorRange[] = [];
  let room = MESSAGE_SECTORS;
  for (const { first, count } of ranges) {
    for (let done = 0n; done < count;) {
      const part = count - done < room ? count - done : room;
      step.push({ first: first + done, count: part });
      done += part;
      room -= part;
      if (room > 0n && step.length < MESSAGE_RANGES) continue;
      yield step;
      step = [];
      room = MESSAGE_SECTORS;
    }
  }
  if (step.length > 0) yield step;
}

/** What the table says of these ranges, which have to ascend. */
export async function countStates(
  device: RemapDevice,
  ranges: readonly SectorRange[],
): Promise<RangeCounts> {
  const counts = { relocated: 0n, lost: 0n, pending: 0n };
  const [from, last] = [ranges[0], ranges.at(-1)];
  if (from === undefined || last === undefined) return counts;
  let index = 0;
  for await (const { sector, count, place } of device.entries({ from: from.first })) {
    const end = sector + count;
    if (sector >= last.first + last.count) break;
    while (index < ranges.length && ranges[index]!.first + ranges[index]!.count <= sector) index++;
    for (let at = index; at < ranges.length && ranges[at]!.first < end; at++) {
      const common = overlap(ranges[at]!, sector, end);
      if (place === "pending") counts.pending += common;
      else counts.relocated += common;
      if (place === "lost") counts.lost += common;
    }
  }
  return counts;
}

function overlap({ first, count }: SectorRange, from: bigint, end: bigint): bigint {
  const low = first > from ? first : from;
  const high = first + count < end ? first + count : end;
  return high > low ? high - low : 0n;
}

/**
 * Looks whether all of it finds room: of several messages the first should not be sent in vain.
 * @throws {RefusedError}
 */
export async function requireRoom(
  device: RemapDevice,
  ranges: readonly SectorRange[],
  sectors: bigint,
): Promise<void> {
  const { relocated } = await countStates(device, ranges);
  const more = sectors - relocated;
  const status = device.status();
  const free = status.spareTotal - status.spareUsed;
  if (more > free) {
    throw new TooSmallError(`${more} sectors to relocate, but its spare has only ${free} free`, {
      device: device.name,
      cure: "see that the list is of this disk and in the right block size, or take a larger spare",
    });
  }
  const allowed = maxRemaps(device.table().features);
  if (allowed !== 0n && status.remapped + more > allowed) {
    throw tooMany(device.name, status.remapped + more, allowed);
  }
}

/** The bound of a table line, which is the module's if the line has none; 0: there is none. */
export function maxRemaps(
  { maxRemaps }: Pick<RemapFeatures, "maxRemaps">,
  system: System = thisSystem,
): bigint {
  if (maxRemaps !== undefined) return maxRemaps;
  const text = system.read("/sys/module/dm_remap/parameters/max_remaps") ?? "";
  return /^\d+$/.test(text) ? BigInt(text) : DEFAULT_MAX_REMAPS;
}

/** The module's own default. */
const DEFAULT_MAX_REMAPS = 1024n;

/** More than `max_remaps` allows. */
export function tooMany(device: string, asked: bigint, allowed: bigint): RefusedError {
  return new RefusedError(
    `${asked} relocated sectors are more than max_remaps allows (${allowed})`,
    {
      device,
      cure: `create the device with --max-remaps ${asked} or more (0: no bound)`,
    },
  );
}
