// SPDX-License-Identifier: GPL-2.0-only
// The kernel target's answers as JSON fields and as words. Pure functions.
import type { Place } from "../../device/messages.ts";
import { isDegraded, type RemapStatus } from "../../device/status_line.ts";
import type { RemapFeatures, RemapTable } from "../../device/table_line.ts";
import { formatTable } from "../../device/table_line.ts";
import type { JsonFields } from "../../output/json.ts";
import type { Tone } from "../../output/output.ts";
import { countOf, formatLength, formatPosition, type Units } from "../../output/units.ts";
import { devicePath } from "./device_paths.ts";

/** A status as JSON fields. */
export function statusFields(status: RemapStatus): JsonFields {
  return {
    health: status.health,
    degraded: isDegraded(status),
    remapped_sectors: status.remapped,
    lost_sectors: status.lost,
    pending_sectors: status.pending,
    spare_used_sectors: status.spareUsed,
    spare_total_sectors: status.spareTotal,
    spare_used_percent: status.spareUsedPercent,
    spare_bad_sectors: status.spareBad,
    write_errors: status.writeErrors,
    read_errors: status.readErrors,
    verify_errors: status.verifyErrors,
    transport_errors: status.transportErrors,
    auto_remaps: status.autoRemaps,
    manual_remaps: status.manualRemaps,
    scan_progress_percent: status.scanProgressPercent,
    mode: status.mode,
    migration: status.migration,
    migration_progress_percent: status.migrationPercent,
    extra: status.extra.size === 0 ? undefined : Object.fromEntries(status.extra),
  };
}

/** A table line as JSON fields. */
export function tableFields(table: RemapTable): JsonFields {
  return {
    line: formatTable(table),
    start_sectors: table.start,
    length_sectors: table.length,
    main: table.main,
    main_path: devicePath(table.main),
    main_start_sectors: table.mainStart,
    spare: table.spare,
    spare_path: devicePath(table.spare),
    spare_start_sectors: table.spareStart,
    spare_length_sectors: table.spareLength,
    features: featureFields(table.features),
  };
}

function featureFields(features: RemapFeatures): JsonFields {
  return {
    volatile: features.volatile ?? false,
    max_remaps_sectors: features.maxRemaps,
    no_auto_remap: features.noAutoRemap ?? false,
    retries: features.retries,
    retry_delay_ms: features.retryDelayMs,
    proactive: features.proactive ?? false,
    pending_policy: features.pendingPolicy,
    verify_reads: features.verifyReads ?? false,
    scan_interval_s: features.scanIntervalS,
    extra: features.extra,
  };
}

/** Where a run of sectors is, as JSON fields. */
export function placeFields(place: Place): JsonFields {
  return {
    start_sectors: place.sector,
    length_sectors: place.count,
    state: place.place,
    spare_start_sectors: place.spareSector,
  };
}

/** Whether the content of these sectors cannot be read. */
export function isLost(place: Place): boolean {
  return place.place === "lost" || place.place === "pending";
}

/** The headings over {@linkcode placeRow}. */
export const PLACE_COLUMNS = [
  { heading: "START", numeric: true },
  { heading: "LENGTH", numeric: true },
  { heading: "STATE" },
  { heading: "SPARE START", numeric: true },
];

/** The cells of a run of sectors. */
export function placeRow(place: Place, units: Units): string[] {
  return [
    formatPosition(place.sector, units),
    formatLength(place.count, units),
    place.place,
    place.spareSector === undefined ? "-" : formatPosition(place.spareSector, units),
  ];
}

/** "5 sectors (2.5 KiB)"; the parentheses are left away where they would say the same. */
export function amount(sectors: bigint, units: Units): string {
  const words = countOf(sectors, "sector");
  return sectors === 0n || units === "s" ? words : `${words} (${formatLength(sectors, units)})`;
}

/** How a health state is coloured. */
export function healthTone(health: RemapStatus["health"]): Tone {
  if (health === "good") return "good";
  return health === "warning" ? "doubtful" : "bad";
}
