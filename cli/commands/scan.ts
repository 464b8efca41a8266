// SPDX-License-Identifier: GPL-2.0-only
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { scanMessage } from "../device/messages.ts";
import type { RemapDevice } from "../device/remap_device.ts";
import {
  askScan,
  isUnderWay,
  type ScanReport,
  startScan,
  startScanMessage,
  stopScan,
} from "../device/scan.ts";
import { parseSectorRange, type SectorRange } from "../device/sectors.ts";
import { UsageError } from "../device/errors.ts";
import { isDegraded } from "../device/status_line.ts";
import { EXIT } from "../output/exit_codes.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import { showDryRun } from "./support/plan.ts";
import { followScan } from "./support/scan_follow.ts";
import { scanFields, scanPairs, scanSentence } from "./support/scan_words.ts";
import type { Session } from "./support/session.ts";

interface ScanOptions {
  readonly stop?: true;
  readonly status?: true;
  readonly wait?: true;
}

/** `scan NAME [RANGE]` */
export function registerScan(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("scan")
    .summary("read everything in the background, to find bad sectors early")
    .description(
      "Lets the kernel read the device NAME, or a range of it, with low priority and giving way " +
        "to other I/O. Sectors that cannot be read become pending: the next write relocates them.",
    )
    .argument("<name>", "the device")
    .argument("[range]", "N, N+COUNT or FIRST-LAST; without it the whole device")
    .addOption(new Option("--stop", "stop the scan").conflicts(["status", "wait"]))
    .option("--status", "show the scan under way, or the last one")
    .option("--wait", "wait for the end of the scan, with a progress bar on a terminal")
    .action(async (typed, text, options: ScanOptions) => {
      const name = deviceName(typed);
      const range = text === undefined ? undefined : parseSectorRange(text);
      if (range !== undefined && (options.stop || options.status)) {
        throw new UsageError(
          `a range cannot be given with ${options.stop ? "--stop" : "--status"}`,
          {
            cure: "it is of use for a new scan only",
          },
        );
      }
      if (session.dryRun) return await dryRun(session, name, range, options);
      await session.withDevice(name, (device) => scan(session, device, range, options));
    });
  document(command, {
    notes: [
      "The scan runs in the kernel: without --wait the command only starts it, and Ctrl-C while " +
      "waiting ends the waiting and not the scan. There is one scan of a device at a time. With " +
      "--wait the exit code is 1 if the scan is stopped or fails before its end.",
    ],
    examples: [
      ["scan r0 --wait", "read the whole device and wait"],
      ["scan r0 2048-4095", "start a scan of a part of it"],
      ["scan r0 --status", "see how far it is"],
      ["scan r0 --status --wait", "wait for the one that is under way"],
      ["scan r0 --stop", "stop it"],
    ],
    exits: [0, 1, 2, 3, 5, 6, 130],
  });
}

async function dryRun(
  session: Session,
  name: string,
  range: SectorRange | undefined,
  { stop, status }: ScanOptions,
): Promise<void> {
  const message = stop || status
    ? scanMessage(stop ? "stop" : "status")
    : await session.withDevice(name, (device) => startScanMessage(device.table().length, range));
  showDryRun(session.out, { device: name, messages: [message] });
}

async function scan(
  session: Session,
  device: RemapDevice,
  range: SectorRange | undefined,
  options: ScanOptions,
): Promise<void> {
  const { out } = session;
  let report = options.stop
    ? await stopScan(device)
    : options.status
    ? await askScan(device)
    : await startScan(device, range);
  if (options.wait) {
    report = await followScan(session, device, report);
    if (session.signal.aborted) return;
  }
  const started = !options.stop && !options.status && !options.wait;
  const fields = {
    name: device.name,
    ...scanFields(report),
    ...started ? {} : judge(session, device),
  };
  if (options.wait && report.state !== "done" && report.state !== "idle") {
    incomplete(session, report);
  }
  if (options.status && !options.wait) {
    out.result(fields, () => scanPairs(device.name, report, out));
  } else out.done(fields, scanSentence(device.name, report, out.units, started));
}

/** What is unreadable afterwards, which makes the device a degraded one. */
function judge(session: Session, device: RemapDevice): Record<string, bigint | undefined> {
  const status = device.status();
  if (isDegraded(status) || (status.pending ?? 0n) > 0n) session.degraded();
  return { pending_sectors: status.pending, lost_sectors: status.lost };
}

function incomplete(session: Session, report: ScanReport): void {
  session.exitCode = EXIT.failed;
  if (isUnderWay(report)) return session.out.warn("another scan was started meanwhile");
  session.out.warn(
    report.state === "failed"
      ? `the scan failed at sector ${report.position}; the kernel's log says why`
      : `the scan was stopped at sector ${report.position}`,
  );
}
