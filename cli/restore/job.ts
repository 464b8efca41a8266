// SPDX-License-Identifier: GPL-2.0-only
// From what is known to what is written.
import { WrongPairError } from "../device/errors.ts";
import { printable } from "../device/spare/owner.ts";
import { MAX_SECTORS } from "../metadata/format.ts";
import type { Image } from "../metadata/image.ts";
import type { Superblock } from "../metadata/superblock.ts";
import type { SuperblockFields } from "../metadata/write.ts";
import type {
  BadSlots,
  DeviceIdentity,
  SlotData,
  SnapshotHead,
  Source,
  Store,
} from "../store/types.ts";
import { coverage } from "./content.ts";
import { extentsOf, type Placed, type Placement } from "./place.ts";
import { planFates } from "./plan.ts";
import type { Decision, Span } from "./types.ts";
import type { Witness } from "./witness.ts";
import { guard, type Pace, seal, writeSlots, writeTable } from "./write.ts";
import { zip } from "./zip.ts";

/** What becomes of a snapshot, apart from where it goes. */
export interface Fates {
  readonly head: SnapshotHead;
  readonly witnesses: readonly Witness[];
  readonly decisions: readonly Decision[];
  /** The device as it is known last. */
  readonly device: DeviceIdentity;
  /** The newest of what is certain; `undefined`: the snapshot itself. */
  readonly newest: Witness | undefined;
}

/** @throws {WrongPairError} if the device was made anew in another shape since */
export async function decideFates(
  store: Store,
  head: SnapshotHead,
  witnesses: readonly Witness[],
  how: { readonly named: readonly Span[]; readonly trustSlots: boolean },
): Promise<Fates> {
  const newest = witnesses.findLast(({ knowledge: { order, partial } }) =>
    order === "newer" && partial !== true
  );
  for (const { device, kind, id, place } of witnesses) {
    const key = differentShape(head.device, device);
    if (key === undefined) continue;
    throw new WrongPairError(
      `was made anew since, in another shape: ${key} was ${head.device[key]}, and is ` +
        `${device[key]} in ${kind} ${id ?? place}`,
      {
        device: printable(head.device.name),
        cure: "restore a snapshot that was taken after that",
      },
    );
  }
  const decisions = planFates({
    entries: store.entries(head.id),
    content: head.withData ? await coverage(store.data(head.id)) : [],
    knowledge: witnesses.map(({ knowledge }) => knowledge),
    ...how,
  });
  return { head, witnesses, decisions, device: lastKnown(head, newest), newest };
}

function differentShape(
  a: DeviceIdentity,
  b: DeviceIdentity,
): "blockSectors" | "mainSectors" | undefined {
  if (a.blockSectors !== b.blockSectors) return "blockSectors";
  return a.mainSectors === b.mainSectors ? undefined : "mainSectors";
}

/** Names and main device may have changed since the snapshot. */
function lastKnown({ device: then }: SnapshotHead, newest: Witness | undefined): DeviceIdentity {
  const now = newest?.device ?? then;
  return {
    ...now,
    name: now.name === "" ? then.name : now.name,
    mainId: now.mainId === "" ? then.mainId : now.mainId,
  };
}

/** Where it goes. */
export interface Ground {
  readonly spareStart: number;
  readonly spareSectors: number;
  readonly spareDeviceSectors: number;
}

export interface Job {
  readonly store: Store;
  readonly fates: Fates;
  /** Of the range, for writing. */
  readonly image: Image;
  readonly ground: Ground;
  readonly placement: Placement;
  /**
   * - `new`: slots and table are written
   * - `table`: slots stay as they are
   */
  readonly write: "new" | "table";
  /** Of the spare that is written to, if what counts there is to count until the new table does. */
  readonly keeps?: boolean;
  /** What slots that are kept hold, where they are copied; asked for twice. */
  readonly kept?: () => Source<SlotData>;
}

/** What was written. */
export interface Outcome {
  readonly superblock: Superblock;
  /** Sectors whose content could not be had after all; they are lost now. */
  readonly missing: readonly Span[];
}

/** Everything of it, or a range that is refused. */
export async function carryOut(job: Job, pace: Pace): Promise<Outcome> {
  const { store, image, placement, fates: { head, device } } = job;
  const fields = superblockOf(job);
  if (job.write === "table") {
    if (job.keeps !== true) guard(image, fields);
    return { superblock: writeTable(image, fields, extentsOf(placement)), missing: [] };
  }
  seal(image, fields, device.uuid ?? "");
  const { placed } = placement;
  const parts = [
    [placed.filter(({ fate }) => fate === "content"), () => store.data(head.id)],
    [placed.filter(({ fate }) => fate === "kept"), job.kept ?? (() => [])],
  ] as const;
  const missing: Span[] = [];
  for (const [wanted, content] of parts) {
    if (wanted.length === 0) continue;
    const written = await writeSlots(image, wanted, content, pace);
    for (const { first, length, a, b } of zip(wanted, written)) {
      if (a !== undefined && b === undefined) missing.push({ first, length });
    }
  }
  missing.sort((a, b) => a.first - b.first);
  const table = extentsOf({ ...placement, placed: without(placed, missing) });
  return { superblock: writeTable(image, fields, table), missing };
}

function superblockOf({ fates, ground, write }: Job): SuperblockFields {
  const { head, device, witnesses } = fates;
  const { spareStart, spareSectors, spareDeviceSectors } = ground;
  const { name, mainId, args, mainStart, mainSectors, mainDeviceSectors, blockSectors } = device;
  const fields = {
    ...{ name, mainId, args, mainStart, mainSectors, mainDeviceSectors, blockSectors },
    ...{ spareStart, spareSectors, spareDeviceSectors },
  };
  if (write === "table") {
    // Beyond every generation that a snapshot may have seen: what comes later has to look later.
    const generation = Math.max(head.generation, ...witnesses.map((each) => each.generation)) + 1;
    return { ...fields, uuid: head.device.uuid ?? "", generation };
  }
  return {
    ...fields,
    uuid: crypto.randomUUID(),
    linkedUuid: device.uuid ?? "",
    // Whatever the old spare went on to after that, it counts no more.
    linkedGeneration: MAX_SECTORS - 1,
  };
}

/** What has no content after all is lost. */
function without(placed: readonly Placed[], missing: readonly Span[]): Placed[] {
  return [...zip(placed, missing)].flatMap(({ first, length, a, b }): Placed[] => {
    if (a === undefined) return [];
    const by = first - a.first;
    const slot = a.slot === 0 ? 0 : a.slot + by;
    const fate = b === undefined ? a.fate : "lost";
    return [{ first, length, slot, fate, from: a.from === 0 ? 0 : a.from + by }];
  });
}

/** Slots of this very spare that nobody uses any more, as far as anybody says. */
export function badSlotsOf(lists: Iterable<readonly BadSlots[]>): BadSlots[] {
  const all = [...lists].flat().sort((a, b) => a.slot - b.slot);
  const merged: BadSlots[] = [];
  for (const { slot, length } of all) {
    const last = merged.at(-1);
    if (last === undefined || slot > last.slot + last.length) merged.push({ slot, length });
    else {
      const end = Math.max(last.slot + last.length, slot + length);
      merged[merged.length - 1] = { slot: last.slot, length: end - last.slot };
    }
  }
  return merged;
}
