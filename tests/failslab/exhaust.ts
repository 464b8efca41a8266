// SPDX-License-Identifier: GPL-2.0-only
//
// Every allocation of an operation fails: by itself, and with all that follow at the same place.
import type { Rig } from "../sweep/rig.ts";
import { HangError, milliseconds, within } from "../sweep/time.ts";
import { arm, disarm, type Mode, state } from "./injector.ts";
import type { Operation } from "./operations.ts";
import { Scene } from "./scene.ts";

/** More allocations than any operation makes. */
const RUNAWAY = 1000;
/** What a request has left to be done by others is done. */
const SETTLE_MS = 3;

export interface Exhausted {
  /** In a run in which none failed. */
  readonly allocations: number;
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
  await scene.checkAccounts();
}

/** @returns where an allocation has failed, or nothing */
async function attempt(
  rig: Rig,
  operation: Operation,
  nth: number,
  mode: Mode,
): Promise<string | undefined> {
  const scene = new Scene(rig, ++seeds);
  try {
    await rig.fresh(scene.seed, operation.features ?? {}, operation.lasts === true);
    await operation.prepare?.(scene);
    arm(nth, mode);
    try {
      await within(operation.run(scene), operation.name);
      await milliseconds(SETTLE_MS);
    } finally {
      disarm();
    }
    const { fired, site } = state();
    if (fired === 0 && scene.failed.length > 0) {
      throw new Error(`${scene.failed.join(", ")}: but there was memory`);
    }
    await operation.after?.(scene);
    await checkAftermath(scene);
    return fired > 0 ? site : undefined;
  } catch (error) {
    const { site } = state();
    if (!(error instanceof HangError)) await rig.discard();
    const failed = scene.failed.length === 0 ? "" : ` (${scene.failed.join(", ")})`;
    const message = error instanceof Error ? error.stack : String(error);
    throw new Error(`allocation ${nth}, ${mode}, at ${site}${failed}: ${message}`);
  }
}

/** Fails the first allocation, the second... until there are no more. */
export async function exhaust(rig: Rig, operation: Operation): Promise<Exhausted> {
  const started = performance.now();
  const failures: string[] = [];
  /** Where all that follow have failed already. */
  const emptied = new Set<string>();
  let nth = 0;
  for (let fired: string | undefined = ""; fired !== undefined;) {
    if (++nth > RUNAWAY) throw new Error(`${operation.name} does not end`);
    try {
      fired = await attempt(rig, operation, nth, "once");
      if (fired === undefined || emptied.has(fired)) continue;
      emptied.add(fired);
      await attempt(rig, operation, nth, "site");
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
      // The rest would mostly say the same again.
      if (failures.length > 3) break;
    }
  }
  return { allocations: nth - 1, failures, seconds: (performance.now() - started) / 1000 };
}
