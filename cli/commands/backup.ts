// SPDX-License-Identifier: GPL-2.0-only
// Cron's and systemd's entry: a snapshot of every device, and the old ones go.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RefusedError } from "../device/errors.ts";
import { listRemapDevices } from "../device/remap_device.ts";
import { EXIT, exitCodeOf, InterruptedError } from "../output/exit_codes.ts";
import { describeProblem, type Problem, problemJson, problemProse } from "../output/problem.ts";
import { replaceTextfile } from "../output/textfile.ts";
import { countOf } from "../output/units.ts";
import type { Store } from "../store/types.ts";
import { runHook } from "./backup_hook.ts";
import { takeLock } from "./backup_lock.ts";
import { backupMetrics, type BackupRun, isSuccess } from "./backup_run.ts";
import { DEFAULT_STORE, openForReading, openForWriting, STORE_OPTION } from "./snapshot_common.ts";
import {
  addKeepOptions,
  KEEP_NOTE,
  type KeepOptions,
  policyOf,
  prune,
  prunedFields,
} from "./snapshot_keep.ts";
import {
  exitCodeOfAll,
  liveSubject,
  outcomeFields,
  outcomeWords,
  takeAll,
} from "./snapshot_taking.ts";
import { document } from "./support/command_doc.ts";
import { wholeNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

interface BackupOptions extends KeepOptions {
  readonly store: string;
  readonly withData?: true;
  readonly reason: string;
  readonly lock?: string;
  readonly jitter?: bigint;
  readonly textfile?: string;
  readonly onFailure?: string;
}

/** `backup` */
export function registerBackup(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("backup")
    .summary("keep the tables of all devices, for cron and timers")
    .description(
      "Takes a snapshot of every remap device and removes old ones; says nothing if all went " +
        "well. The exit code tells.",
    )
    .option("--with-data", "keep the content of the relocated sectors as well")
    .option("--reason <text>", "why, in your words", "backup")
    .option(...STORE_OPTION, DEFAULT_STORE)
    .option("--lock <file>", "held as long as it works (default: the store's name and .lock)")
    .option(
      "--jitter <seconds>",
      "wait for a random time up to that first, so that not all machines begin at once",
      wholeNumber({ max: 86_400n }),
    )
    .option("--textfile <file>", "write metrics for node_exporter's textfile collector")
    .option("--on-failure <program>", "run this if something failed");
  addKeepOptions(command);
  command.action((options) => backup(session, options));
  document(command, {
    notes: [
      KEEP_NOTE + " Without any of these options nothing is removed.",
      "A device that fails does not keep the others from their turn; the exit code is that of the " +
      "first that failed. If another backup is at work, this one does nothing and ends with 5.",
      "The program of --on-failure is run for every exit code but 0 and 3, without a shell: its " +
      "words are cut at blanks. It finds DMREMAP_BACKUP_EXIT_CODE, _ERROR, _MESSAGE, _FAILED, " +
      "_TAKEN, _STORE and _HOST in its environment. docs/backup.md has the metrics.",
    ],
    examples: [
      ["backup --with-data --keep-hourly 24 --keep-daily 14", "what a timer runs"],
      ["backup --jitter 600 --on-failure /etc/dmremap-ts/backup-failed", "what cron runs"],
      ["backup --textfile /var/lib/prometheus/node-exporter/dmremap.prom", "with metrics"],
      ["backup -n --keep-last 10", "show what would be taken and removed"],
    ],
    exits: [0, 1, 2, 3, 4, 5, 6, 130],
  });
}

async function backup(session: Session, options: BackupOptions): Promise<void> {
  if (!session.dryRun) await waitAWhile(session, options.jitter ?? 0n);
  const startedMs = Date.now();
  if (session.dryRun) return report(session, { ...await work(session, options), startedMs });
  const run = withMetrics({ ...await attempt(session, options), startedMs }, options.textfile);
  if (!isSuccess(run) && (options.onFailure ?? "") !== "") {
    const trouble = await runHook(options.onFailure!, run, (text) => say(session, text));
    if (trouble !== undefined) session.out.warn(trouble);
  }
  if (run.error !== undefined) throw run.error;
  report(session, run);
}

function say(session: Session, text: string): void {
  if (text !== "") session.terminal.writeErr(text);
}

/** A run, without the time at which it began. */
type Ended = Omit<BackupRun, "startedMs">;

/** A run that may have failed as a whole. */
type Attempt = Ended & { readonly error?: unknown; readonly tellsMetrics: boolean };

async function attempt(session: Session, options: BackupOptions): Promise<Attempt> {
  const { store } = options;
  let tellsMetrics = false;
  try {
    using _lock = takeLock(options.lock ?? `${store}.lock`);
    tellsMetrics = true;
    return { ...await work(session, options), tellsMetrics };
  } catch (caught) {
    const error = session.signal.aborted
      ? new InterruptedError("interrupted", { cause: caught })
      : caught;
    return {
      store,
      error,
      // Another backup is at work: the metrics are its own.
      tellsMetrics,
      endedMs: Date.now(),
      exitCode: exitCodeOf(error),
      outcomes: [],
      problem: describeProblem(error),
      ...inStore(store),
    };
  }
}

async function work(session: Session, options: BackupOptions): Promise<Ended> {
  const { store: path, withData = false, reason } = options;
  using dm = session.openDeviceMapper();
  const names = listRemapDevices(dm).map(({ name }) => name);
  if (names.length === 0) session.out.detail("no remap devices");
  using store = openOrNot(path, names.length, session.dryRun);
  const settings = { store: session.dryRun ? undefined : store, withData, reason };
  const outcomes = await takeAll(session, names.map((name) => liveSubject(dm, name)), settings);
  const problem = outcomes.find(({ state }) => state === "failed")?.problem;
  const run = { store: path, outcomes, ...problem && { problem } };
  const exitCode = exitCodeOfAll(outcomes);
  const policy = policyOf(options);
  if (store === undefined || policy === undefined) {
    return { ...run, exitCode, endedMs: Date.now(), ...store && contentOf(store) };
  }
  try {
    const pruned = prune(store, policy, {}, session.dryRun);
    return { ...run, exitCode, pruned, endedMs: Date.now(), ...contentOf(store) };
  } catch (error) {
    // What was taken has been taken.
    const trouble = tell(session, error);
    const code = problem === undefined ? trouble.exitCode : exitCode;
    return { ...run, problem: problem ?? trouble, exitCode: code, endedMs: Date.now() };
  }
}

function tell(session: Session, error: unknown): Problem {
  const problem = describeProblem(error);
  const { out, terminal } = session;
  terminal.writeErr(`${out.json ? problemJson(problem) : problemProse(problem)}\n`);
  return problem;
}

/** Nothing is made where there is nothing to keep, or where all is for show. */
function openOrNot(path: string, devices: number, dryRun: boolean): Store | undefined {
  if (!dryRun && devices > 0) return openForWriting(path, { create: true });
  if (!isThere(path)) return undefined;
  return dryRun ? openForReading(path) : openForWriting(path);
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function contentOf(store: Store): Pick<BackupRun, "heads" | "storeBytes"> {
  return { heads: store.heads(), storeBytes: store.sizeBytes() };
}

/** After a failure, as far as it can be read. */
function inStore(path: string): Pick<BackupRun, "heads" | "storeBytes"> {
  try {
    using store = openForReading(path);
    return contentOf(store);
  } catch {
    return {};
  }
}

type Run = Attempt & Pick<BackupRun, "startedMs">;

/** Metrics that cannot be written are a failure of their own, but none that hides the backup's. */
function withMetrics(run: Run, path: string | undefined): Run {
  if (!run.tellsMetrics) return run;
  try {
    writeMetrics(path, run);
    return run;
  } catch (error) {
    if (run.error !== undefined) return run;
    return { ...run, error, exitCode: exitCodeOf(error), problem: describeProblem(error) };
  }
}

function writeMetrics(path: string | undefined, run: BackupRun): void {
  if (path === undefined) return;
  try {
    replaceTextfile(path, backupMetrics(run, textOf(path)));
  } catch (cause) {
    throw new RefusedError("the metrics cannot be written", {
      device: path,
      cure: "see whether its folder is there and may be written",
      cause,
    });
  }
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function report(session: Session, run: BackupRun): void {
  const { out, dryRun } = session;
  const { outcomes, pruned } = run;
  session.exitCode = run.exitCode;
  const removed = pruned?.remove.length ?? 0;
  const lines = [
    ...outcomes.map((each) => outcomeWords(each, out.units)).filter((words) => words !== ""),
    ...removed > 0
      ? [`${countOf(removed, "snapshot")} ${dryRun ? "would be removed" : "removed"}`]
      : [],
  ];
  const degraded = outcomes.filter(({ exitCode }) => exitCode === EXIT.degraded);
  for (const { name } of degraded) {
    out.warn(`${name}: not well, or without all of its content: see dmremap-ts status ${name}`);
  }
  if (out.json) {
    out.result({
      dry_run: dryRun || undefined,
      store: run.store,
      exit_code: run.exitCode,
      duration_ms: run.endedMs - run.startedMs,
      devices: outcomes.map(outcomeFields),
      ...pruned ? prunedFields(pruned) : {},
    }, () => "");
  } else if (dryRun) out.line(lines.join("\n"));
  else lines.forEach((line) => out.detail(line));
}

/** @throws {InterruptedError} */
function waitAWhile({ signal, out }: Session, longest: bigint): Promise<void> {
  if (longest === 0n) return Promise.resolve();
  const ms = Math.random() * Number(longest) * 1000;
  out.detail(`waiting for ${Math.round(ms / 1000)} s`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => reject(new InterruptedError("interrupted")));
  return promise.finally(() => clearTimeout(timer));
}
