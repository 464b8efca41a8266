// SPDX-License-Identifier: GPL-2.0-only
// Waiting for a migration, with a progress bar if somebody looks.
import { askMigration, type MigrationReport } from "../../device/migrate/report.ts";
import type { RemapDevice } from "../../device/remap_device.ts";
import { ProgressBar } from "../../output/progress_bar.ts";
import { pause } from "./scan_follow.ts";
import type { Session } from "./session.ts";

/** Short at first, for tables of a few sectors; then often enough for a bar that moves. */
const FIRST_MS = 20;
const LONGEST_MS = 500;

/**
 * Asks again and again until the migration has ended or the user has had enough, who then reads that
 * it goes on.
 */
export async function followMigration(
  session: Session,
  device: RemapDevice,
): Promise<MigrationReport> {
  const { out, terminal, signal } = session;
  let latest = await askMigration(device);
  using bar = out.progress && latest.state === "running"
    ? new ProgressBar(terminal, { title: device.name, total: latest.total, done: latest.copied })
    : undefined;
  for (let ms = FIRST_MS; latest.state === "running"; ms = Math.min(2 * ms, LONGEST_MS)) {
    await pause(ms, signal);
    if (signal.aborted) break;
    latest = await askMigration(device);
    const isSuspended = device.info().suspended;
    bar?.update(latest.copied, { errors: latest.lost, ...isSuspended ? { state: "paused" } : {} });
  }
  if (signal.aborted && latest.state === "running") {
    out.note(
      `the migration of ${device.name} goes on in the kernel (${latest.progressPercent}%); ` +
        `\`dmremap-ts migrate ${device.name} --wait\` waits for it, --cancel ends it`,
    );
  }
  return latest;
}
