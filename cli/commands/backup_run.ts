// SPDX-License-Identifier: GPL-2.0-only
// What is known of a backup at its end, and what becomes of it as metrics. Pure.
import type { ExitCode } from "../output/exit_codes.ts";
import type { Problem } from "../output/problem.ts";
import { formatMetrics, type MetricFamily, metricOf, type Sample } from "../output/textfile.ts";
import type { SnapshotHead } from "../store/types.ts";
import type { Pruned } from "./snapshot_keep.ts";
import type { TakeOutcome } from "./snapshot_taking.ts";

/** One run. */
export interface BackupRun {
  readonly store: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly exitCode: ExitCode;
  readonly outcomes: readonly TakeOutcome[];
  readonly pruned?: Pruned;
  /** Why it failed: the first device that did, or what concerns them all. */
  readonly problem?: Problem;
  /** Of the store at the end, if it could be read. */
  readonly heads?: readonly SnapshotHead[];
  readonly storeBytes?: number;
}

/** Everything was taken; that a device is unwell is another matter. */
export function isSuccess({ exitCode }: Pick<BackupRun, "exitCode">): boolean {
  return exitCode === 0 || exitCode === 3;
}

const LAST_SUCCESS = "dmremap_backup_last_success_timestamp_seconds";

/** The metrics of a run; `before` is the text of the run before it. */
export function backupMetrics(run: BackupRun, before = ""): string {
  const { outcomes, exitCode, startedMs, endedMs } = run;
  const ended = seconds(endedMs);
  const lastSuccess = isSuccess(run) ? ended : metricOf(before, LAST_SUCCESS);
  return formatMetrics([
    one("timestamp_seconds", "When the last backup ended, well or not.", ended),
    {
      name: LAST_SUCCESS,
      help: "When the last backup ended of which nothing failed.",
      type: "gauge",
      samples: lastSuccess === undefined ? [] : [{ value: lastSuccess }],
    },
    one("success", "Whether nothing of the last backup failed.", isSuccess(run) ? 1 : 0),
    one("exit_code", "Of the last backup; 3: done, but a device is degraded.", exitCode),
    one(
      "duration_seconds",
      "How long the last backup took, jitter not counted.",
      seconds(endedMs - startedMs),
    ),
    of(
      "device_success",
      "Whether a snapshot of the device was taken.",
      outcomes.map((outcome) => ({
        labels: { device: outcome.name },
        value: outcome.state === "failed" ? 0 : 1,
      })),
    ),
    of(
      "unreadable_sectors",
      "Relocated sectors whose content could not be read for the snapshot.",
      outcomes.flatMap(({ name, losses }) =>
        losses === undefined ? [] : [{ labels: { device: name }, value: losses.unreadableSectors }]
      ),
    ),
    ...storeFamilies(run),
  ]);
}

/** What is in the store counts by the names of devices, for these are what people know. */
function storeFamilies({ heads = [], storeBytes }: BackupRun): MetricFamily[] {
  const byName = Map.groupBy(heads, ({ device }) => device.name);
  const latest = [...byName].map(([device, group]) => ({
    device,
    count: group.length,
    head: group.reduce((a, b) => Date.parse(b.takenAt) >= Date.parse(a.takenAt) ? b : a),
  }));
  const each = (value: (newest: (typeof latest)[number]) => number): Sample[] =>
    latest.map((newest) => ({ labels: { device: newest.device }, value: value(newest) }));
  return [
    of("snapshots", "Snapshots in the store.", each(({ count }) => count)),
    of(
      "snapshot_timestamp_seconds",
      "When the newest snapshot was taken.",
      each(({ head }) => seconds(Date.parse(head.takenAt))),
    ),
    of(
      "snapshot_remapped_sectors",
      "Sectors in it that are relocated.",
      each(({ head }) => head.remappedSectors),
    ),
    of(
      "snapshot_lost_sectors",
      "Relocated sectors in it that have no content.",
      each(({ head }) => head.lostSectors),
    ),
    of(
      "snapshot_pending_sectors",
      "Sectors in it that main cannot read.",
      each(({ head }) => head.pendingSectors),
    ),
    of(
      "snapshot_data_bytes",
      "Content in it, before compression.",
      each(({ head }) => head.dataBytes),
    ),
    of(
      "store_size_bytes",
      "Of the store.",
      storeBytes === undefined ? [] : [{ value: storeBytes }],
    ),
  ];
}

function one(name: string, help: string, value: number): MetricFamily {
  return of(name, help, [{ value }]);
}

function of(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name: `dmremap_backup_${name}`, help, type: "gauge", samples };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
