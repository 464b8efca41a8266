// SPDX-License-Identifier: GPL-2.0-only
// What `replace` and `evacuate` have in common: checks, a question, a bar, and what came of it.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { TargetMissingError } from "../../device/errors.ts";
import { linesOver, lineText } from "../../device/mirror/lines.ts";
import { type Moved, type MoveProgress, Mover, type Watch } from "../../device/mirror/move.ts";
import { type MovePlan, type MoveRequest, planMove } from "../../device/mirror/plan.ts";
import { recover } from "../../device/mirror/recover.ts";
import { type RemapDevice } from "../../device/remap_device.ts";
import { thisSystem } from "../../device/system.ts";
import { formatTable } from "../../device/table_line.ts";
import { countCpus } from "../../device/mirror/write_tracker.ts";
import type { JsonFields } from "../../output/json.ts";
import { ProgressBar } from "../../output/progress_bar.ts";
import { formatLength } from "../../output/units.ts";
import { devicePath } from "./device_paths.ts";
import { runProgram } from "../../kmod/process.ts";
import { wholeNumber } from "./integers.ts";
import { showDryRun } from "./plan.ts";
import type { Session } from "./session.ts";

/** No timer runs longer. */
const FOREVER_MS = 2 ** 31 - 1;
/** Of `--max-pause`. */
const DEFAULT_PAUSE_SECONDS = 10n;

/** How both are told to move. */
export const MAX_PAUSE_OPTION = [
  "--max-pause <seconds>",
  `how long I/O may wait at the end (default: ${DEFAULT_PAUSE_SECONDS})`,
  wholeNumber({ min: 1n, max: 86400n }),
] as const;
export const OFFLINE_OPTION = [
  "--offline",
  "suspend the device for all of the copy; it must not be in use",
] as const;

interface MoveOptions {
  readonly maxPause?: bigint;
  readonly offline?: true;
  readonly force?: true;
}

/** What these options ask for. */
export function moveSettings(
  options: MoveOptions,
  targetStart: bigint | undefined,
): Omit<MoveRequest, "kind" | "target"> {
  return {
    maxPauseMs: Number(options.maxPause ?? DEFAULT_PAUSE_SECONDS) * 1000,
    ...targetStart === undefined ? {} : { targetStart },
    ...options.offline === undefined ? {} : { offline: true },
    ...options.force === undefined ? {} : { force: true },
  };
}

/** A plan that was carried out. */
export interface Completed {
  readonly plan: MovePlan;
  readonly moved: Moved;
}

/** Checks, asks, and moves; `undefined` after a dry run, or if an earlier run had moved it. */
export async function carryOut(
  session: Session,
  device: RemapDevice,
  request: MoveRequest,
): Promise<Completed | undefined> {
  const { out } = session;
  if (!session.dryRun) {
    const recovery = await recover(device, request.target);
    if (recovery === "new disk") {
      out.done(
        { name: device.name, new_path: request.target, recovered: true },
        `${device.name} stood still since an earlier run, which had made the switch: it goes on ` +
          `with ${request.target} now`,
      );
      return undefined;
    }
    if (recovery === "old disk") {
      out.warn(
        `${device.name} stood still since an earlier run, and goes on with its old disk now`,
      );
    }
  }
  const plan = planMove(device, request);
  for (const warning of plan.warnings) out.warn(warning);
  if (session.dryRun) {
    showDryRun(out, { device: plan.name, notes: steps(plan), messages: [] });
    return undefined;
  }
  await requireTargets(device.dm, plan);
  await session.confirm(plan.name, question(session, plan));
  const cpus = countCpus(thisSystem.read("/sys/devices/system/cpu/possible") ?? "0");
  using watch = new SessionWatch(session, plan);
  return { plan, moved: await new Mover(device.dm, plan, watch).run(cpus) };
}

function question({ out }: Session, { kind, target, table, warnings }: MovePlan): string {
  const length = formatLength(table.length, out.units);
  const although = warnings.length === 0 ? "" : `, although ${warnings.join("; ")}`;
  const then = kind === "replace"
    ? "is its main device from then on"
    : "takes its place, without the layer";
  return `overwrites ${length} of ${target.path}, which ${then}${although}`;
}

/** Words for `--dry-run`. */
function steps(plan: MovePlan): string[] {
  const { kind, name, table, target, targetStart, offline } = plan;
  const range = `sectors ${targetStart}+${table.length} of ${target.path}`;
  const disk = { number: target.number, start: targetStart };
  const line = kind === "replace"
    ? formatTable({ ...table, main: target.number, mainStart: BigInt(targetStart) })
    : linesOver(disk, Number(table.length)).map(lineText).join("; ");
  return [
    `copy ${name} to ${range}${offline ? ", while it is suspended" : ""}`,
    ...offline ? [] : [`suspend ${name}, copy what was written meanwhile`],
    kind === "replace"
      ? `write an empty table for main ${plan.targetId || "(no identity)"} to ${plan.spare.path}`
      : `write to ${plan.spare.path} that its table is not used any more`,
    `load "${line}", resume ${name}`,
  ];
}

/** The device mapper's own targets are modules on some kernels; nobody else loads them for us. */
async function requireTargets(dm: DeviceMapper, { name }: MovePlan): Promise<void> {
  const has = () => dm.versions().some((target) => target.name === "linear");
  if (!has()) await runProgram("modprobe", ["--quiet", "dm-mod"]).catch(() => undefined);
  if (has()) return;
  throw new TargetMissingError("the kernel has no linear target", {
    device: name,
    cure: "`dmremap-ts doctor` shows what is missing, and how to get it",
  });
}

/** Draws a bar, and keeps interrupts off while the device stands still. */
class SessionWatch implements Watch, Disposable {
  readonly signal: AbortSignal;
  readonly #graceMs: number;
  #bar: ProgressBar | undefined;
  #pass = 0;

  constructor(private readonly session: Session, private readonly plan: MovePlan) {
    this.signal = session.signal;
    this.#graceMs = session.graceMs;
  }

  hold(on: boolean): void {
    if (on === this.session.holding) return;
    this.session.holding = on;
    this.session.graceMs = on ? FOREVER_MS : this.#graceMs;
    // The terminal may be closed at any moment, too.
    if (on) Deno.addSignalListener("SIGHUP", ignore);
    else Deno.removeSignalListener("SIGHUP", ignore);
  }

  progress({ pass, total, done, unreadable }: MoveProgress): void {
    // Whoever draws what is written to the terminal may live on the device that stands still.
    if (this.session.holding && !this.plan.offline) return;
    if (pass !== this.#pass) {
      this.#bar?.[Symbol.dispose]();
      this.#pass = pass;
      this.#bar = this.session.out.progress && total > 0
        ? new ProgressBar(this.session.terminal, {
          title: this.plan.name,
          total: BigInt(total),
          done: 0n,
        })
        : undefined;
    }
    this.#bar?.update(BigInt(done), {
      errors: BigInt(unreadable),
      ...pass === 1 ? {} : { state: `pass ${pass}` },
    });
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]();
    this.hold(false);
  }
}

function ignore(): void {}

/** What came of it, as JSON fields. */
export function movedFields({ plan, moved }: Completed): JsonFields {
  const { name, target, targetStart, main } = plan;
  return {
    name,
    path: `/dev/mapper/${name}`,
    new_path: target.path,
    new_start_sectors: targetStart,
    old_main_path: devicePath(main.number),
    length_sectors: plan.table.length,
    copied_sectors: moved.copied,
    passes: moved.passes,
    pause_ms: moved.pauseMs,
    without_content: moved.missing.map(({ first, end }) => ({
      start_sectors: first,
      length_sectors: end - first,
    })),
    warnings: plan.warnings,
  };
}

/** How many sectors have no content. */
export function countMissing({ missing }: Moved): number {
  return missing.reduce((sum, { first, end }) => sum + end - first, 0);
}

/** The old disk still looks like the new one: somebody has to know. */
export function adviseOnOldMain({ out }: Session, { plan }: Completed): void {
  const old = devicePath(plan.main.number);
  out.note(
    `${old} still has the old content, and whatever identifies it (UUIDs, labels): unplug it, or ` +
      `wipe it with \`wipefs --all ${old}\`, before the next boot`,
  );
}
