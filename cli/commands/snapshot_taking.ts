// SPDX-License-Identifier: GPL-2.0-only
// Takes snapshots of one device after the other, whatever becomes of each.
import { type Capture, captureLive } from "../device/capture.ts";
import { type ContentLosses, noLosses } from "../device/capture_content.ts";
import { captureOffline } from "../device/capture_offline.ts";
import { HeldError } from "../device/errors.ts";
import { RemapDevice } from "../device/remap_device.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { EXIT, type ExitCode } from "../output/exit_codes.ts";
import type { JsonFields } from "../output/json.ts";
import { describeProblem, type Problem, problemProse } from "../output/problem.ts";
import { countOf, formatBytes, type Units } from "../output/units.ts";
import type { NewSnapshot, SnapshotHead, Store } from "../store/types.ts";
import { readEmbeddedText } from "../embed/files.ts";
import { toolVersion } from "../version.ts";
import { inWords, openTarget, type Target, useOf } from "./meta_target.ts";
import { countWords, headFields } from "./snapshot_common.ts";
import type { Session } from "./support/session.ts";

/** Something that a snapshot can be taken of. */
export interface Subject {
  readonly name: string;
  capture<T>(use: (capture: Capture) => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A device in use. */
export function liveSubject(dm: DeviceMapper, name: string): Subject {
  return {
    name,
    async capture(use, signal) {
      return await use(await captureLive(RemapDevice.open(dm, name), { signal }));
    },
  };
}

/** A spare, or an image of one, that is not in use. */
export function offlineSubject(target: Target): Subject {
  return {
    name: target.path,
    async capture(use) {
      using image = openTarget(target);
      const user = useOf(target.path);
      if (user !== undefined) {
        throw new HeldError(user, {
          device: target.path,
          cure: "take the snapshot from the device in use: dmremap-ts snapshot take NAME",
        });
      }
      try {
        return await use(captureOffline(image));
      } catch (error) {
        throw inWords(error, target.path);
      }
    },
  };
}

/** How snapshots are taken. */
export interface TakeSettings {
  /** None for a dry run. */
  readonly store: Store | undefined;
  readonly withData: boolean;
  readonly reason: string;
}

/** How it went with one device. */
export interface TakeOutcome {
  /** As it was asked for. */
  readonly name: string;
  readonly state: "taken" | "planned" | "failed";
  readonly head?: SnapshotHead;
  readonly counts?: Counts;
  readonly losses?: ContentLosses;
  readonly problem?: Problem;
  readonly exitCode: ExitCode;
  readonly remarks: readonly string[];
}

type Counts = Pick<
  SnapshotHead,
  "entries" | "remappedSectors" | "lostSectors" | "pendingSectors"
>;

/** Each of them; one that fails is told of at once and does not keep the others from their turn. */
export async function takeAll(
  session: Session,
  subjects: Iterable<Subject>,
  settings: TakeSettings,
): Promise<TakeOutcome[]> {
  const outcomes: TakeOutcome[] = [];
  for (const subject of subjects) {
    session.signal.throwIfAborted();
    const outcome = await takeOne(session, subject, settings);
    for (const remark of outcome.remarks) session.out.warn(`${outcome.name}: ${remark}`);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function takeOne(
  session: Session,
  subject: Subject,
  settings: TakeSettings,
): Promise<TakeOutcome> {
  const { name } = subject;
  try {
    return await subject.capture(
      (capture) => keep(name, capture, settings, session.signal),
      session.signal,
    );
  } catch (error) {
    if (session.signal.aborted) throw error;
    const problem = describeProblem(error);
    if (!session.out.json) session.terminal.writeErr(`${problemProse(problem)}\n`);
    return { name, state: "failed", problem, exitCode: problem.exitCode, remarks: [] };
  }
}

async function keep(
  name: string,
  capture: Capture,
  { store, withData, reason }: TakeSettings,
  signal: AbortSignal,
): Promise<TakeOutcome> {
  const exitCode = capture.degraded ? EXIT.degraded : EXIT.done;
  if (store === undefined) {
    const { remarks } = capture;
    return { name, state: "planned", counts: countsOf(capture), exitCode, remarks };
  }
  const snapshot: NewSnapshot = {
    ...capture.facts,
    takenAt: new Date().toISOString(),
    reason,
    host: Deno.hostname(),
    toolVersion: toolVersion(readEmbeddedText("deno.json")),
    withData,
  };
  const losses = noLosses();
  const head = await store.takeSnapshot(snapshot, {
    entries: capture.entries,
    badSlots: capture.badSlots,
    ...withData ? { data: capture.content(losses, signal) } : {},
  });
  if (!withData) return { name, state: "taken", head, exitCode, remarks: capture.remarks };
  const { unreadableSectors } = losses;
  const unreadable = unreadableSectors > 0
    ? [`${countOf(unreadableSectors, "relocated sector")} could not be read: no content was kept`]
    : [];
  return {
    name,
    state: "taken",
    head,
    losses,
    exitCode: unreadableSectors > 0 ? EXIT.degraded : exitCode,
    remarks: [...capture.remarks, ...unreadable],
  };
}

function countsOf({ entries }: Capture): Counts {
  const counts = { entries: 0, remappedSectors: 0, lostSectors: 0, pendingSectors: 0 };
  for (const { state, length } of entries) {
    counts.entries++;
    if (state === "pending" || state === "wrong") counts.pendingSectors += length;
    else counts.remappedSectors += length;
    if (state === "lost" || state === "unreadable" || state === "wrong_slot") {
      counts.lostSectors += length;
    }
  }
  return counts;
}

/** The exit code of all of them: that of the first failure, else that of a device that is unwell. */
export function exitCodeOfAll(outcomes: readonly TakeOutcome[]): ExitCode {
  const failed = outcomes.find(({ state }) => state === "failed");
  const unwell = outcomes.find(({ exitCode }) => exitCode !== EXIT.done);
  return (failed ?? unwell)?.exitCode ?? EXIT.done;
}

/** An outcome as JSON fields. */
export function outcomeFields(outcome: TakeOutcome): JsonFields {
  const { name, state, head, counts, losses, problem } = outcome;
  return {
    name,
    state,
    snapshot: head && headFields(head),
    entries: counts?.entries,
    remapped_sectors: counts?.remappedSectors,
    lost_sectors: counts?.lostSectors,
    pending_sectors: counts?.pendingSectors,
    unreadable_sectors: losses?.unreadableSectors,
    remarks: outcome.remarks.length === 0 ? undefined : outcome.remarks,
    error: problem && {
      code: problem.code,
      exit_code: problem.exitCode,
      device: problem.device,
      message: problem.message,
      cause: problem.cause,
      cure: problem.cure,
    },
  };
}

/** An outcome as a line for people; nothing for a failure, which was told of already. */
export function outcomeWords(
  { name, state, head, counts }: TakeOutcome,
  units: Units,
): string {
  if (state === "failed") return "";
  const what = countWords(head ?? counts!);
  if (head === undefined) return `${name}: would be taken: ${what}`;
  const content = head.withData ? `, with ${formatBytes(head.dataBytes, units)} of content` : "";
  return `${name}: snapshot ${head.id}: ${what}${content}`;
}
