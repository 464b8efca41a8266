// SPDX-License-Identifier: GPL-2.0-only
// Waiting for a scan, with a progress bar if somebody looks.
import type { RemapDevice } from "../../device/remap_device.ts";
import { askScan, isUnderWay, type ScanReport } from "../../device/scan.ts";
import { ProgressBar } from "../../output/progress_bar.ts";
import { scanLength } from "./scan_words.ts";
import type { Session } from "./session.ts";

/** Short at first, for scans of a few sectors; then often enough for a bar that moves. */
const FIRST_MS = 20;
const LONGEST_MS = 500;

/**
 * Asks again and again until the scan has ended, another one has taken its place, or the user has
 * had enough; who then reads that the scan goes on.
 */
export async function followScan(
  session: Session,
  device: RemapDevice,
  first: ScanReport,
): Promise<ScanReport> {
  const latest = await watch(session, device, first);
  if (session.signal.aborted && isUnderWay(latest)) {
    session.out.note(
      `the scan of ${device.name} goes on (${latest.progressPercent}%); ` +
        `\`dmremap-ts scan ${device.name} --stop\` stops it`,
    );
  }
  return latest;
}

async function watch(
  { out, terminal, signal }: Session,
  device: RemapDevice,
  first: ScanReport,
): Promise<ScanReport> {
  let latest = first;
  if (!isUnderWay(latest)) return latest;
  const total = scanLength(latest);
  const done = latest.position - latest.start;
  using bar = out.progress
    ? new ProgressBar(terminal, { title: device.name, total, done })
    : undefined;
  for (let ms = FIRST_MS; isUnderWay(latest); ms = Math.min(2 * ms, LONGEST_MS)) {
    await pause(ms, signal);
    if (signal.aborted) return latest;
    latest = await askScan(device);
    if (latest.start !== first.start || latest.end !== first.end) return latest;
    bar?.update(latest.position - latest.start, {
      errors: latest.errors,
      ...latest.state === "paused" ? { state: "paused" } : {},
    });
  }
  return latest;
}

/** Until the time is over, or the user has had enough. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
