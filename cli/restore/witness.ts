// SPDX-License-Identifier: GPL-2.0-only
// Who knows something about a device that the snapshot does not, and what it is.
import { SystemError } from "../../ffi/errors.ts";
import { type Capture, captureLive } from "../device/capture.ts";
import { noLosses } from "../device/capture_content.ts";
import { captureOffline } from "../device/capture_offline.ts";
import { storedIdentity } from "../device/capture_identity.ts";
import { BusyError, RefusedError } from "../device/errors.ts";
import type { RemapDevice } from "../device/remap_device.ts";
import type { Image } from "../metadata/image.ts";
import { loadMetadata, MetadataError } from "../metadata/load.ts";
import { BeyondRepairError, type Loss, salvage } from "../metadata/repair.ts";
import { migrationWords, readMigrated } from "../metadata/select.ts";
import { isSameDevice } from "../store/identity.ts";
import type { BadSlots, DeviceIdentity, SnapshotHead, Store } from "../store/types.ts";
import { compareContent, compareInto, type Comparison, SpanList } from "./content.ts";
import { type Dated, datedOf, kinshipOf, lineageOf, orderOf } from "./order.ts";
import type { Knowledge, Order, Span } from "./types.ts";

/** Somebody who knows more than the snapshot. */
export interface Witness {
  readonly kind: "snapshot" | "spare" | "device";
  /** Of a snapshot. */
  readonly id?: number;
  /** A path, or the name of a device in use. */
  readonly place?: string;
  /** When this was known, ISO 8601. */
  readonly at: string;
  readonly device: DeviceIdentity;
  readonly generation: number;
  readonly dated: Dated;
  readonly knowledge: Knowledge;
  /** Sectors whose content was still that of the snapshot then. */
  readonly equal: readonly Span[];
  readonly bad: readonly BadSlots[];
}

/** What an old spare says of itself. */
export interface OldSpare {
  /** Whose it is, if that can be told; of another device nothing else is told. */
  readonly device: DeviceIdentity | undefined;
  readonly capture: Capture | undefined;
  readonly witness: Witness | undefined;
  /** Is all of its table there? */
  readonly whole: boolean;
  /** An earlier attempt at a restore, or a migration, was begun on it and not finished. */
  readonly unfinished: boolean;
  /** Its content has moved to another spare. */
  readonly moved: boolean;
  /** Why its table is not, or not wholly, known. */
  readonly problems: readonly string[];
}

export interface Lookup {
  readonly store: Store;
  readonly head: SnapshotHead;
  readonly now: string;
}

/** Other snapshots of the same device in the store, and how many of them are known to be older. */
export async function storeWitnesses(
  { store, head }: Lookup,
): Promise<{ readonly witnesses: Witness[]; readonly older: number }> {
  const others = relatedHeads(store, head);
  const lineage = lineageOf([head, ...others].map(({ device }) => device));
  const snapshot = datedOf(head);
  const witnesses: Witness[] = [];
  let older = 0;
  for (const other of others) {
    const order = orderOf(snapshot, datedOf(other), lineage);
    if (order === "older") {
      older++;
      continue;
    }
    const kinship = kinshipOf(head.device, other.device, lineage);
    witnesses.push(await witnessOf(store, head, other, { order, kinship }));
  }
  return { witnesses, older };
}

function relatedHeads(store: Store, head: SnapshotHead): SnapshotHead[] {
  const found = new Map<number, SnapshotHead>();
  for (const filter of [{ deviceId: head.deviceId }, { device: head.device }]) {
    for (const other of store.heads(filter)) found.set(other.id, other);
  }
  found.delete(head.id);
  return [...found.values()];
}

async function witnessOf(
  store: Store,
  head: SnapshotHead,
  other: SnapshotHead,
  how: Pick<Knowledge, "order" | "kinship">,
): Promise<Witness> {
  const { equal, differing } = head.withData && other.withData
    ? await compareContent(store.data(head.id), store.data(other.id), head.device.blockSectors)
    : NOTHING;
  return {
    ...{ kind: "snapshot", id: other.id, at: other.takenAt, device: other.device, equal },
    ...{ generation: other.generation, dated: datedOf(other) },
    // Asked for when it is needed: many snapshots of a large table do not fit into memory.
    knowledge: { ...how, differing, entries: lazy(() => store.entries(other.id)) },
    bad: [...store.badSlots(other.id)],
  };
}

const NOTHING = { equal: [], differing: [] };

function lazy<T>(ask: () => Iterable<T>): Iterable<T> {
  return { [Symbol.iterator]: () => ask()[Symbol.iterator]() };
}

/** The device itself, which is in use: nobody knows more. */
export async function liveWitness(lookup: Lookup, device: RemapDevice): Promise<Witness> {
  const capture = await captureLive(device);
  const dated = datedOf({ ...capture.facts, id: Infinity, takenAt: lookup.now });
  const { order, kinship } = relation(lookup, dated);
  return {
    ...{ kind: "device", place: device.name, at: lookup.now, device: capture.facts.device },
    ...{ generation: capture.facts.generation, dated },
    // What is there now is the latest, unless its spare is one that the snapshot came after.
    ...await comparison(lookup, capture, {
      order: order === "newer" ? "newer" : "unsure",
      kinship,
    }),
    bad: capture.badSlots,
  };
}

/**
 * What the metadata of an old spare says, as far as it can be read.
 * @throws what `Image.read` throws
 */
export async function readOldSpare(lookup: Lookup, image: Image): Promise<OldSpare> {
  const migrated = readMigrated(image);
  if (migrated !== undefined) {
    return {
      device: storedIdentity(migrated.superblock, image.path),
      ...{ capture: undefined, witness: undefined, whole: false },
      unfinished: migrated.kind === "unfinished",
      moved: migrated.kind === "moved",
      problems: [migrationWords(migrated).message],
    };
  }
  try {
    const capture = captureOffline(image);
    const { superblock: { written } } = loadMetadata(image);
    const { device } = capture.facts;
    const states = { whole: true, unfinished: false, moved: false, problems: [] };
    if (!isSameDevice(lookup.head.device, device)) {
      return { device, capture: undefined, witness: undefined, ...states };
    }
    const witness = await spareWitness(lookup, capture, image.path, written);
    return { device, capture, witness, ...states };
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return salvaged(lookup, image, error);
  }
}

async function spareWitness(
  lookup: Lookup,
  capture: Capture,
  path: string,
  written: number,
): Promise<Witness> {
  const { facts } = capture;
  const dated = datedOf({ ...facts, ...readingOf(lookup, facts.device, written) });
  return {
    ...{ kind: "spare", place: path, at: lookup.now, device: facts.device },
    ...{ generation: facts.generation, dated },
    ...await comparison(lookup, capture, relation(lookup, dated)),
    bad: capture.badSlots,
  };
}

/**
 * The spare of the snapshot says what it has come to by now. One of another set may be a leftover of
 * years ago: it is as old as what was last written to it.
 */
function readingOf(
  { head, now }: Lookup,
  { uuid }: DeviceIdentity,
  written: number,
): Pick<Dated, "id" | "takenAt"> {
  if (uuid === head.device.uuid) return { id: Infinity, takenAt: now };
  const takenAt = new Date(written * 1000).toISOString();
  return { id: takenAt < head.takenAt ? -Infinity : Infinity, takenAt };
}

/**
 * How a table that is read just now stands to the snapshot: older, if it is older than any that is
 * known to be later than the snapshot.
 */
function relation(
  { store, head }: Lookup,
  dated: Dated,
): { readonly order: Order | "older"; readonly kinship: Knowledge["kinship"] } {
  const others = relatedHeads(store, head);
  const lineage = lineageOf([head, dated, ...others].map(({ device }) => device));
  const later = others.filter((other) => {
    return orderOf(datedOf(head), datedOf(other), lineage) === "newer";
  });
  const orders = [head, ...later].map((each) => orderOf(datedOf(each), dated, lineage));
  const order = (["older", "unsure"] as const).find((each) => orders.includes(each)) ?? "newer";
  return { order, kinship: kinshipOf(head.device, dated.device, lineage) };
}

/** @throws {OlderCopyError} */
async function comparison(
  { store, head }: Lookup,
  capture: Capture,
  { order, kinship }: ReturnType<typeof relation>,
): Promise<Pick<Witness, "knowledge" | "equal">> {
  if (order === "older") throw new OlderCopyError(capture.facts.generation);
  const content = head.withData ? await compareCaptured(store, head, capture) : NOTHING;
  const { entries } = capture;
  return {
    knowledge: { order, kinship, entries, differing: content.differing },
    equal: content.equal,
  };
}

/** What does not give its content tells nothing by that; what it gave before counts. */
async function compareCaptured(
  store: Store,
  head: SnapshotHead,
  capture: Capture,
): Promise<Comparison> {
  const seen = { equal: new SpanList(), differing: new SpanList() };
  // A spare that does not answer would take long to say so for each of its slots.
  const isSilent = capture.facts.source === "live" && capture.facts.health === "failed";
  try {
    const content = isSilent ? [] : capture.content(noLosses());
    await compareInto(seen, store.data(head.id), content, head.device.blockSectors);
  } catch (error) {
    const isTheirs = error instanceof SystemError || error instanceof RefusedError ||
      error instanceof BusyError;
    if (!isTheirs) throw error;
  }
  return { equal: seen.equal.spans, differing: seen.differing.spans };
}

/** A table that is older than the snapshot, though it claims to be the spare in use. */
export class OlderCopyError extends Error {
  override readonly name = "OlderCopyError";

  constructor(readonly generation: number) {
    super(`its table is of generation ${generation}, older than the snapshot`);
  }
}

/** What a damaged table still says: never where it has a gap, and never for certain. */
function salvaged(lookup: Lookup, image: Image, error: MetadataError): OldSpare {
  const problems = error.problems.map(({ where, message }) => `${where}: ${message}`).slice(0, 3);
  const none = {
    ...{ device: undefined, capture: undefined, witness: undefined },
    ...{ whole: false, unfinished: false, moved: false, problems },
  };
  const { device } = lookup.head;
  try {
    const main = { deviceSectors: device.mainDeviceSectors, blockSectors: device.blockSectors };
    const { fields, extents, losses } = salvage(image, main);
    const stored = storedIdentity(fields, image.path);
    const isSame = isSameDevice(device, stored);
    if (!isSame && fields.uuid !== device.uuid) return { ...none, device: stored };
    // Without a superblock the sizes are a guess, which the UUID in the blocks makes good.
    const found = isSame ? stored : device;
    const dated: Dated = {
      ...{ source: "offline", device: found, ...readingOf(lookup, found, fields.written) },
      // A salvage is given the generation behind the last one that it has seen.
      generation: fields.generation - 1,
    };
    const { order, kinship } = relation(lookup, dated);
    const whole = losses.length === 0;
    if (order === "older") throw new OlderCopyError(dated.generation);
    return {
      ...none,
      device: found,
      whole,
      witness: {
        ...{ kind: "spare", place: image.path, at: lookup.now, device: found, equal: [] },
        ...{ generation: fields.generation, dated },
        knowledge: {
          order: whole ? order : "unsure",
          kinship,
          partial: !whole,
          entries: extents.flatMap(({ state, ...run }) =>
            state === "main" || state === "bad" ? [] : [{ ...run, state }]
          ),
        },
        bad: extents.filter(({ state }) => state === "bad"),
      },
      problems: [...problems, ...losses.map(({ message }: Loss) => message)],
    };
  } catch (cause) {
    if (!(cause instanceof BeyondRepairError)) throw cause;
    return { ...none, problems: [...problems, cause.reason] };
  }
}
