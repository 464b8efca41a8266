// SPDX-License-Identifier: GPL-2.0-only
// Which of two snapshots of one device is the later one, and how their spares are related.
import type { DeviceIdentity, SnapshotHead } from "../store/types.ts";
import type { Kinship, Order } from "./types.ts";

/** What tells when a snapshot was taken. */
export type Dated = Pick<SnapshotHead, "id" | "takenAt" | "generation" | "source"> & {
  readonly device: Pick<DeviceIdentity, "uuid" | "predecessorUuid">;
  /** Blocks of the journal behind the checkpoint of that generation. */
  readonly journalUsed?: number;
};

export function datedOf(
  head: Pick<SnapshotHead, "id" | "takenAt" | "generation" | "source" | "device" | "counters">,
): Dated {
  const journalUsed = head.counters["journal_used"];
  return { ...head, ...journalUsed === undefined ? {} : { journalUsed: Number(journalUsed) } };
}

/** The spare that each metadata came from, by its UUID. */
export type Lineage = ReadonlyMap<string, string>;

export function lineageOf(devices: Iterable<Dated["device"]>): Lineage {
  const lineage = new Map<string, string>();
  for (const { uuid, predecessorUuid } of devices) {
    if (uuid !== undefined && predecessorUuid !== undefined) lineage.set(uuid, predecessorUuid);
  }
  return lineage;
}

/** Did the content of one spare move on to the other, by however many steps? */
function descends(
  uuid: string | undefined,
  from: string | undefined,
  lineage: Lineage,
): boolean {
  if (uuid === undefined || from === undefined) return false;
  const seen = new Set<string>();
  let at = lineage.get(uuid);
  while (at !== undefined && !seen.has(at)) {
    if (at === from) return true;
    seen.add(at);
    at = lineage.get(at);
  }
  return false;
}

export function kinshipOf(
  snapshot: Dated["device"],
  other: Dated["device"],
  lineage: Lineage,
): Kinship {
  if (snapshot.uuid !== undefined && snapshot.uuid === other.uuid) return "same";
  return descends(other.uuid, snapshot.uuid, lineage) ||
      descends(snapshot.uuid, other.uuid, lineage)
    ? "linked"
    : "other";
}

/**
 * Is `other` later than `snapshot`? Generations and links hardly lie; clocks and the numbers of a
 * store do, and only count together.
 */
export function orderOf(snapshot: Dated, other: Dated, lineage: Lineage): Order | "older" {
  if (snapshot.device.uuid !== undefined && snapshot.device.uuid === other.device.uuid) {
    if (other.generation !== snapshot.generation) {
      return orderByGeneration(snapshot, other);
    }
    const byJournal = orderInJournal(snapshot, other);
    if (byJournal !== undefined) return byJournal;
  } else {
    const isHeir = descends(other.device.uuid, snapshot.device.uuid, lineage);
    const isOrigin = descends(snapshot.device.uuid, other.device.uuid, lineage);
    // Links that lead both ways lead nowhere.
    if (isHeir && isOrigin) return "unsure";
    if (isHeir || isOrigin) return isHeir ? "newer" : "older";
  }
  const later = other.takenAt > snapshot.takenAt && other.id > snapshot.id;
  const earlier = other.takenAt < snapshot.takenAt && other.id < snapshot.id;
  // A spare that is not in use may be an old copy: when it was read says little.
  if (other.source === "offline") return earlier ? "older" : "unsure";
  return later ? "newer" : earlier ? "older" : "unsure";
}

/**
 * Unless both the clock and the store say the opposite: then an old copy has been put back onto the
 * spare, and there are two histories.
 */
function orderByGeneration(snapshot: Dated, other: Dated): Order | "older" {
  const isNewer = other.generation > snapshot.generation;
  const clockSaysSo = isNewer
    ? other.takenAt >= snapshot.takenAt
    : other.takenAt <= snapshot.takenAt;
  const storeSaysSo = isNewer ? other.id >= snapshot.id : other.id <= snapshot.id;
  if (other.source === "live" && !clockSaysSo && !storeSaysSo) return "unsure";
  return isNewer ? "newer" : "older";
}

/** A journal only grows: of two that are of one generation, the longer one is later. */
function orderInJournal(snapshot: Dated, other: Dated): Order | "older" | undefined {
  const [then, now] = [snapshot.journalUsed, other.journalUsed];
  if (then === undefined || now === undefined) return undefined;
  if (now > then) return "newer";
  // Of one length they say the same, but a live table may be behind its journal by a moment.
  if (now === then) return other.source === "offline" ? "newer" : undefined;
  // The end of a journal may be torn off by a crash.
  return other.source === "offline" || snapshot.source === "offline" ? "unsure" : "older";
}

/** Ascending by time, as far as that is known; for knowledge that is `newer` than one snapshot. */
export function compareTimes(a: Dated, b: Dated, lineage: Lineage): number {
  if (descends(b.device.uuid, a.device.uuid, lineage)) return -1;
  if (descends(a.device.uuid, b.device.uuid, lineage)) return 1;
  const isSame = a.device.uuid === b.device.uuid;
  if (isSame && a.generation !== b.generation) return a.generation - b.generation;
  const journal = isSame ? (a.journalUsed ?? 0) - (b.journalUsed ?? 0) : 0;
  if (journal !== 0 && a.journalUsed !== undefined && b.journalUsed !== undefined) return journal;
  if (a.takenAt !== b.takenAt) return a.takenAt < b.takenAt ? -1 : 1;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}
