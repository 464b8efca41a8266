// SPDX-License-Identifier: GPL-2.0-only
// What the commands about snapshots share: the store, how a snapshot is named, and how it is shown.
import { UsageError } from "../device/errors.ts";
import { printable } from "../device/spare/owner.ts";
import type { JsonFields } from "../output/json.ts";
import { countOf } from "../output/units.ts";
import { headFields as storedFields } from "../store/head_json.ts";
import { openStore } from "../store/open.ts";
import type {
  BadSlots,
  HeadFilter,
  OpenOptions,
  SnapshotEntry,
  SnapshotHead,
  Store,
} from "../store/types.ts";
import { deviceName } from "./support/names.ts";

export { DEFAULT_STORE } from "../store/open.ts";

/** The option that all of them take; its default is {@linkcode DEFAULT_STORE}. */
export const STORE_OPTION = ["--store <file>", "where the snapshots are kept"] as const;

/** How a snapshot is called on the command line. */
export const ID_WORDS = "a number as `snapshot list` shows it, or latest";

/** The option that says whose `latest` is meant. */
export const DEVICE_OPTION = ["--device <name>", "the snapshots of this device only"] as const;

/** Opens a store that is there, for reading. @throws {StoreError} */
export function openForReading(path: string): Store {
  return openStore(path, { readOnly: true });
}

/** Opens a store for changes. @throws {StoreError} */
export function openForWriting(path: string, options: OpenOptions = {}): Store {
  return openStore(path, options);
}

/** A number, or `latest`. @throws {UsageError} for anything else, before a store is looked for */
export function snapshotReference(typed: string): string {
  if (typed === "latest" || /^[1-9]\d{0,14}$/.test(typed)) return typed;
  throw new UsageError(`"${printable(typed)}" is no snapshot`, { cure: `give ${ID_WORDS}` });
}

/** Those of one device, or all. @throws {UsageError} */
export function filterOf(device: string | undefined): HeadFilter {
  return device === undefined ? {} : { name: deviceName(device) };
}

/** A snapshot as JSON fields: as in an export, and the numbers that only this store knows. */
export function headFields(head: SnapshotHead): JsonFields {
  return { id: head.id, device_id: head.deviceId, ...storedFields(head) };
}

/** A run of sectors as JSON fields; places on the spare count from the start of its range. */
export function entryFields({ first, length, state, slot }: SnapshotEntry): JsonFields {
  const hasSlot = state !== "pending" && state !== "wrong";
  return {
    start_sectors: first,
    length_sectors: length,
    state,
    slot_sectors: hasSlot ? slot : undefined,
  };
}

/** Bad slots as JSON fields. */
export function badSlotFields({ slot, length }: BadSlots): JsonFields {
  return { slot_sectors: slot, length_sectors: length };
}

/** "5 sectors remapped, 2 of them lost, 1 pending". */
export function countWords(
  { remappedSectors, lostSectors, pendingSectors }: Pick<
    SnapshotHead,
    "remappedSectors" | "lostSectors" | "pendingSectors"
  >,
): string {
  const words = [`${countOf(remappedSectors, "sector")} remapped`];
  if (lostSectors > 0) words.push(`${lostSectors} of them lost`);
  if (pendingSectors > 0) words.push(`${pendingSectors} pending`);
  return words.join(", ");
}

/** The time as people read it, in the time zone of this machine. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return printable(iso);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}
