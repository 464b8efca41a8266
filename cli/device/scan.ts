// SPDX-License-Identifier: GPL-2.0-only
// The background read scan: its messages and their reply.
import { DeviceMapperError } from "../../ffi/errors.ts";
import { BusyError, ProtocolError, UsageError } from "./errors.ts";
import { parseCounts, parseKeyValues, scanMessage } from "./messages.ts";
import type { RemapDevice } from "./remap_device.ts";
import type { SectorRange } from "./sectors.ts";

/** `paused`: the device is suspended; the scan goes on when it is resumed. */
export const SCAN_STATES = ["idle", "running", "paused", "done", "stopped", "failed"] as const;
/** One of {@linkcode SCAN_STATES}. */
export type ScanState = (typeof SCAN_STATES)[number];

/** The scan under way, or the last one. */
export interface ScanReport {
  readonly state: ScanState;
  readonly progressPercent: number;
  /** First sector; of no meaning while `idle`, like all that follow. */
  readonly start: bigint;
  /** Last sector. */
  readonly end: bigint;
  /** The next sector to be read; `end + 1n` when all have been. */
  readonly position: bigint;
  /** Sectors that this scan found unreadable. */
  readonly errors: bigint;
  /** How often it put off a read because the device was in use. */
  readonly yields: bigint;
}

/**
 * Reads the reply of `scan`. Fields that this version does not know are passed over.
 *
 * ```ts
 * import { parseScan } from "./scan.ts";
 * parseScan("scan=running progress=50% start=0 end=99 position=50 errors=0 yields=0").state; // "running"
 * ```
 *
 * @throws {ProtocolError}
 */
export function parseScan(reply: string): ScanReport {
  const fields = parseKeyValues(reply);
  const state = SCAN_STATES.find((known) => known === fields.get("scan"));
  const progress = /^(\d{1,3})%$/.exec(fields.get("progress") ?? "");
  if (state === undefined || progress === null || Number(progress[1]) > 100) {
    throw new ProtocolError(`unreadable scan "${reply}"`);
  }
  const counts = parseCounts(reply, ["start", "end", "position", "errors", "yields"]);
  const { start, end, position } = counts;
  if (end < start || position < start || position > end + 1n) {
    throw new ProtocolError(`the scan "${reply}" is nowhere on a device`);
  }
  return { state, progressPercent: Number(progress[1]), ...counts };
}

/** Gives back what {@linkcode parseScan} read. */
export function formatScan(scan: ScanReport): string {
  return `scan=${scan.state} progress=${scan.progressPercent}% start=${scan.start} ` +
    `end=${scan.end} position=${scan.position} errors=${scan.errors} yields=${scan.yields}`;
}

/** Whether there is more to come. */
export function isUnderWay(scan: ScanReport): boolean {
  return scan.state === "running" || scan.state === "paused";
}

/** The message that scans a range, or the whole device of that length. @throws {UsageError} */
export function startScanMessage(
  length: bigint,
  range: SectorRange = { first: 0n, count: length },
): string {
  const end = range.first + range.count - 1n;
  if (end >= length) {
    throw new UsageError(`sector ${end} is past the end of the device`, {
      cure: `its last sector is ${length - 1n}`,
    });
  }
  return scanMessage({ start: range.first, end });
}

/** Starts a scan of a range, or of everything. @throws {BusyError} if there is one already */
export async function startScan(device: RemapDevice, range?: SectorRange): Promise<ScanReport> {
  const message = startScanMessage(device.table().length, range);
  try {
    return parseScan(await device.send(message));
  } catch (error) {
    if (!(error instanceof DeviceMapperError) || error.code !== "EBUSY") throw error;
    throw new BusyError("a scan is under way", {
      device: device.name,
      cure: `dmremap-ts scan ${device.name} --status shows it, --stop stops it`,
      cause: error,
    });
  }
}

/** Stops the scan, if there is one. */
export async function stopScan(device: RemapDevice): Promise<ScanReport> {
  return parseScan(await device.send(scanMessage("stop")));
}

/** Asks how the scan is doing. */
export async function askScan(device: RemapDevice): Promise<ScanReport> {
  return parseScan(await device.send(scanMessage("status")));
}
