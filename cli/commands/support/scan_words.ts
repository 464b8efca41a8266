// SPDX-License-Identifier: GPL-2.0-only
// A scan as JSON fields and as words. Pure functions.
import { isUnderWay, type ScanReport } from "../../device/scan.ts";
import type { JsonFields } from "../../output/json.ts";
import type { Output } from "../../output/output.ts";
import { formatPairs } from "../../output/table.ts";
import { countOf, formatLength, formatPosition, type Units } from "../../output/units.ts";
import { amount } from "./present.ts";

/** How many sectors it is to read. */
export function scanLength({ start, end }: ScanReport): bigint {
  return end - start + 1n;
}

/** A scan as JSON fields. */
export function scanFields(scan: ScanReport): JsonFields {
  const none = scan.state === "idle";
  return {
    state: scan.state,
    progress_percent: scan.progressPercent,
    start_sectors: none ? undefined : scan.start,
    length_sectors: none ? undefined : scanLength(scan),
    position_sectors: none ? undefined : scan.position,
    unreadable_sectors: scan.errors,
    yields: scan.yields,
  };
}

/** What `--status` shows. */
export function scanPairs(name: string, scan: ScanReport, out: Output): string {
  if (scan.state === "idle") return `${name}: no scan since the device was created`;
  const { units } = out;
  return `${name}: ${stateWords(scan)}\n` + formatPairs([
    ["sectors", range(scan, units)],
    ["read", `${scan.progressPercent}%, up to ${formatPosition(scan.position, units)}`],
    ["unreadable", amount(scan.errors, units)],
    ["gave way", `${countOf(scan.yields, "time")} to other I/O`],
  ]);
}

/** One sentence of what a command has done; `started`: only that. */
export function scanSentence(
  name: string,
  scan: ScanReport,
  units: Units,
  started: boolean,
): string {
  if (started) return `scan of ${range(scan, units)} of ${name} started`;
  if (scan.state === "idle") return `no scan of ${name} to stop or to wait for`;
  const unreadable = scan.errors === 0n
    ? "nothing unreadable"
    : `${amount(scan.errors, units)} unreadable, see \`dmremap-ts entries ${name}\``;
  return `scan of ${range(scan, units)} of ${name} ${scan.state}` +
    (scan.state === "done" ? "" : ` at ${scan.progressPercent}%`) + `: ${unreadable}`;
}

function stateWords(scan: ScanReport): string {
  if (scan.state === "paused") return "scan paused, because the device is suspended";
  return isUnderWay(scan) ? "scan running" : `last scan ${scan.state}`;
}

function range(scan: ScanReport, units: Units): string {
  const words = `${formatPosition(scan.start, units)}-${formatPosition(scan.end, units)}`;
  return `${words} (${formatLength(scanLength(scan), units)})`;
}
