// SPDX-License-Identifier: GPL-2.0-only
// The table of a device in use, as it was at one moment.
import { nodePath } from "../../ffi/dm_names.ts";
import { openImage } from "../metadata/image.ts";
import type { BadSlots, NewSnapshot, SlotData, SnapshotEntry } from "../store/types.ts";
import { liveIdentity } from "./capture_identity.ts";
import { type ContentLosses, openContent, readContent } from "./capture_content.ts";
import { asEntry, refine } from "./capture_refine.ts";
import { readCommitted, withStoredTable } from "./capture_stored.ts";
import { BusyError, ProtocolError } from "./errors.ts";
import type { RemapDevice } from "./remap_device.ts";
import type { OpenSpare } from "./spare/content.ts";
import { typeStats } from "./stats.ts";
import { isDegraded, type RemapStatus } from "./status_line.ts";
import { type System, thisSystem } from "./system.ts";
import { formatTable, type RemapTable, TARGET_TYPE } from "./table_line.ts";

/** What a device or a spare says of itself; who asks, why, and with what is added by the caller. */
export type CapturedFacts = Omit<
  NewSnapshot,
  "takenAt" | "reason" | "host" | "toolVersion" | "withData"
>;

/** A table, and the way to the content of its slots. */
export interface Capture {
  readonly facts: CapturedFacts;
  readonly entries: readonly SnapshotEntry[];
  readonly badSlots: readonly BadSlots[];
  /** Of a device in use: is it unwell? */
  readonly degraded: boolean;
  /** What could not be found out. */
  readonly remarks: readonly string[];
  /** The content of all relocated sectors that can be read; the others are counted. */
  content(losses: ContentLosses, signal?: AbortSignal): AsyncIterable<SlotData>;
}

/** How a table is captured; tests bring what they need. */
export interface CaptureOptions {
  readonly signal?: AbortSignal;
  readonly system?: System;
  readonly open?: OpenSpare;
  /** How often it may change under our eyes. */
  readonly attempts?: number;
  readonly pause?: (ms: number) => Promise<void>;
}

const ATTEMPTS = 12;
const COMMITTED_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 2000;

/** The table at one moment. */
interface Look {
  readonly table: RemapTable;
  readonly status: RemapStatus;
  readonly counters: ReadonlyMap<string, bigint>;
  readonly generation: number;
  /** Changes of the table in memory until then, if that is where it was read. */
  readonly tableChanges?: number;
  readonly entries: readonly SnapshotEntry[];
  readonly badSlots: readonly BadSlots[];
  readonly remarks: readonly string[];
}

/**
 * Reads the table in pages, and again if it changed meanwhile. One that never stays as it is is taken
 * from the metadata, as it was committed.
 * @throws {BusyError} if there is no metadata, or it cannot be read
 */
export async function captureLive(
  device: RemapDevice,
  options: CaptureOptions = {},
): Promise<Capture> {
  const { system = thisSystem, open = openImage } = options;
  const look = await lookUntilStill(device, system, open, options);
  const identity = liveIdentity(device, look.table, system, open);
  const { blockSectors } = identity;
  return {
    facts: {
      device: identity,
      source: "live",
      generation: look.generation,
      ...look.tableChanges === undefined ? {} : { tableChanges: look.tableChanges },
      health: look.status.health,
      counters: Object.fromEntries(look.counters),
      moduleVersion: moduleVersion(device),
    },
    entries: look.entries,
    badSlots: look.badSlots,
    degraded: isDegraded(look.status),
    remarks: look.remarks,
    async *content(losses, signal) {
      if (device.info().suspended) {
        throw new BusyError("is suspended, so its content cannot be read", {
          device: device.name,
          cure: `dmsetup resume ${device.name}, unless somebody is at work on it`,
        });
      }
      using file = openContent(nodePath(device.name));
      yield* readContent(file, look.entries, { blockSectors, losses, ...(signal && { signal }) });
    },
  };
}

async function lookUntilStill(
  device: RemapDevice,
  system: System,
  open: OpenSpare,
  { attempts = ATTEMPTS, pause = sleep, signal }: CaptureOptions,
): Promise<Look> {
  let why = "";
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await pause(Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS));
    signal?.throwIfAborted();
    const result = await lookOnce(device, system, open, signal);
    if (typeof result !== "string") return result;
    why = result;
  }
  const committed = await lookAtCommitted(device, system, open);
  if (committed !== undefined) return committed;
  throw new BusyError(`its table did not stay the same while it was read: ${why}`, {
    device: device.name,
    cure: "try again once fewer of its sectors fail, or nobody moves them",
  });
}

/** The look, or why it does not count. */
async function lookOnce(
  device: RemapDevice,
  system: System,
  open: OpenSpare,
  signal: AbortSignal | undefined,
): Promise<Look | string> {
  const table = device.table();
  const before = await changesOf(device);
  const places: SnapshotEntry[] = [];
  for await (const place of device.entries()) {
    signal?.throwIfAborted();
    places.push(asEntry(place, table));
  }
  const { entries, badSlots } = inDetail(places, table, open, system);
  const status = device.status();
  const counters = typeStats(await device.stats()).known;
  const after = counters.get("table_changes");
  // Another spare or main device may have come in: places would count from elsewhere.
  if (formatTable(device.table()) !== formatTable(table)) return "another line was loaded";
  if (after !== before) return `${before} changes had been made before, ${after} after it`;
  const difference = totalsDifference(places, status);
  if (difference !== undefined) return difference;
  const bad = badSlots.reduce((sum, { length }) => sum + length, 0);
  const isKept = table.features.volatile !== true;
  const unnamed = isKept ? Number(status.spareBad ?? 0n) - bad : 0;
  return {
    table,
    status,
    counters,
    generation: Number(counters.get("generation") ?? 0n),
    tableChanges: Number(after),
    entries,
    badSlots,
    remarks: unnamed > 0 ? [`which ${unnamed} slots have gone bad could not be found out`] : [],
  };
}

async function lookAtCommitted(
  device: RemapDevice,
  system: System,
  open: OpenSpare,
): Promise<Look | undefined> {
  const table = device.table();
  if (table.features.volatile === true) return undefined;
  for (let attempt = 0; attempt < COMMITTED_ATTEMPTS; attempt++) {
    const committed = readCommitted(table, open, system);
    if (committed === undefined) continue;
    if (formatTable(device.table()) !== formatTable(table)) return undefined;
    const counters = typeStats(await device.stats()).known;
    return { ...committed, table, status: device.status(), counters, remarks: [] };
  }
  return undefined;
}

/** While the table is known to stay as it is: the metadata is read as it is compared. */
function inDetail(
  places: readonly SnapshotEntry[],
  table: RemapTable,
  open: OpenSpare,
  system: System,
): ReturnType<typeof refine> {
  const verifies = table.features.verifyReads === true;
  const found = table.features.volatile === true
    ? undefined
    : withStoredTable(table, open, system, (extents) => refine(places, extents, verifies));
  return found ?? refine(places, [], verifies);
}

async function changesOf(device: RemapDevice): Promise<bigint> {
  const changes = (await device.stats()).get("table_changes");
  if (typeof changes === "bigint") return changes;
  throw new ProtocolError("does not count the changes of its table", {
    device: device.name,
    cure: "load the module that belongs to this program: dmremap-ts kmod load",
  });
}

/** Counted one by one, and as the target counts them. */
function totalsDifference(
  entries: readonly SnapshotEntry[],
  { remapped, lost, pending = 0n }: RemapStatus,
): string | undefined {
  const counted = { remapped: 0, lost: 0, pending: 0 };
  for (const { state, length } of entries) {
    if (state === "pending") counted.pending += length;
    else counted.remapped += length;
    if (state !== "remapped") counted.lost += length;
  }
  const told = { remapped: Number(remapped), lost: Number(lost), pending: Number(pending) };
  for (const key of ["remapped", "lost", "pending"] as const) {
    if (counted[key] !== told[key]) {
      return `${counted[key]} sectors were read as ${key}, the status counts ${told[key]}`;
    }
  }
  return undefined;
}

function moduleVersion({ dm }: RemapDevice): string {
  return dm.versions().find(({ name }) => name === TARGET_TYPE)?.version ?? "";
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
