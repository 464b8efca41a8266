// SPDX-License-Identifier: GPL-2.0-only
//
// The allocations of an operation fail: by themselves, and with all that follow at the same place.
import type { Rig } from "../sweep/rig.ts";
import { HangError, milliseconds, within } from "../sweep/time.ts";
import { arm, disarm, fired, type Mode, order } from "./injector.ts";
import type { Operation } from "./operations.ts";
import { Scene } from "./scene.ts";

/** What a request has left to be done by others is done. */
const SETTLE_MS = 20;

const MOST_FAILURES = 3;

export interface Exhausted {
  /** In a run in which none failed. */
  readonly allocations: number;
  /** How many runs had one that did. */
  readonly faults: number;
  readonly failures: readonly string[];
  readonly seconds: number;
}

let seeds = 0;

/** There is memory again, and the disks are healthy. */
async function checkAftermath(scene: Scene): Promise<void> {
  const { rig } = scene;
  rig.pair.heal();
  if (scene.isMissing) await within(rig.putBack(), "a start with memory");
  else if (rig.dm.info(rig.name)?.suspended === true) await within(rig.resume(), "resume");
  const { mode } = rig.target.status();
  if (mode !== "rw") throw new Error(`mode=${mode}`);
  await scene.checkContent(await scene.checkAccounts());
  await scene.checkUsable();
}

/** @returns whether an allocation has failed */
async function attempt(
  rig: Rig,
  operation: Operation,
  failing: Failing | undefined,
): Promise<boolean> {
  const scene = new Scene(rig, ++seeds);
  try {
    await rig.fresh(scene.seed, operation.features ?? {}, operation.lasts === true);
    await operation.prepare?.(scene);
    arm(failing?.nth ?? 0, failing?.mode ?? "once", failing?.place);
    try {
      await within(operation.run(scene), operation.name);
      await milliseconds(SETTLE_MS);
    } finally {
      disarm();
    }
    const failed = fired();
    if (failed === 0 && scene.failed.length > 0) {
      throw new Error(`${scene.failed.join(", ")}: but there was memory`);
    }
    await operation.after?.(scene);
    await checkAftermath(scene);
    return failed > 0;
  } catch (error) {
    if (!(error instanceof HangError)) await rig.discard();
    const { nth, mode, place } = failing ?? { nth: 0, mode: "none", place: "nowhere" };
    const failed = scene.failed.length === 0 ? "" : ` (${scene.failed.join(", ")})`;
    const message = error instanceof Error ? error.stack : String(error);
    throw new Error(`allocation ${nth} of ${place}, ${mode}${failed}: ${message}`);
  }
}

/** One allocation of a place, and how it fails. */
export interface Failing {
  readonly place: string;
  readonly nth: number;
  readonly mode: Mode;
}

/** How many operations that are alike let a place fail before it is left alone. */
const ENOUGH = 2;

function countOf(places: readonly string[], place: string): number {
  return places.filter((each) => each === place).length;
}

/**
 * What fails, by the places of all allocations. Of each place: all that it asks for, and, if that
 * is more than once, the last by itself. Pure.
 * @param spent how many operations have done so before
 */
export function plan(places: readonly string[], spent: ReadonlyMap<string, number>): Failing[] {
  return [...new Set(places)].flatMap((place) => {
    const before = spent.get(place) ?? 0, nth = countOf(places, place);
    const failing: Failing[] = before < ENOUGH ? [{ place, nth: 1, mode: "site" }] : [];
    return before === 0 && nth > 1 ? [...failing, { place, nth, mode: "once" }] : failing;
  });
}

/** Every place, and each of its allocations by itself. Pure. */
export function planAll(places: readonly string[]): Failing[] {
  return [...new Set(places)].flatMap((place) => {
    const each = Array.from({ length: countOf(places, place) }, (_, index) => index + 1);
    const once = each.map((nth): Failing => ({ place, nth, mode: "once" }));
    return [{ place, nth: 1, mode: "site" }, ...once];
  });
}

/**
 * Lets allocations of an operation fail, as many as it makes when none does.
 * @param spent in how many operations each place has failed; none: all do, every time
 */
export async function exhaust(
  rig: Rig,
  operation: Operation,
  spent: Map<string, number> | undefined,
): Promise<Exhausted> {
  const started = performance.now();
  const failures: string[] = [];
  const note = (error: unknown) =>
    failures.push(error instanceof Error ? error.message : String(error));
  await attempt(rig, operation, undefined).catch(note);
  const places = order();
  const failing = spent === undefined ? planAll(places) : plan(places, spent);
  const met = new Set<string>();
  let faults = 0;
  for (const each of failures.length > 0 ? [] : failing) {
    try {
      if (!await attempt(rig, operation, each)) continue;
      met.add(each.place);
      faults++;
    } catch (error) {
      note(error);
      // The rest would mostly say the same again.
      if (failures.length > MOST_FAILURES) break;
    }
  }
  // What did not ask again, as work that others do at their leisure, has its turn in the next one.
  for (const place of met) spent?.set(place, (spent.get(place) ?? 0) + 1);
  const seconds = (performance.now() - started) / 1000;
  return { allocations: places.length, faults, failures, seconds };
}
