// SPDX-License-Identifier: GPL-2.0-only
//
// What reads and writes may lead to, sector by sector. Where more than one outcome is possible, a
// comment says who is free to choose.
import type { Model } from "./model.ts";
import type { Side } from "./operations.ts";
import type { Allowed } from "./promises.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import { marked, moved, type Possibility, type SectorState, unchanged, union } from "./states.ts";

/** Whether this part of a request succeeds, and where the sector is then. */
interface Fate {
  readonly succeeds: "yes" | "no" | "perhaps";
  readonly ifDone: readonly Possibility[];
  readonly ifFailed: readonly Possibility[];
}

export interface WriteForecast {
  readonly succeeds: "yes" | "no" | "perhaps";
  readonly fates: ReadonlyMap<number, Fate>;
}

/** Are there slots for all that want one? */
type Slots = "enough" | "none" | "perhaps";

export interface Doubt {
  /** A device has just come back, and need not be trusted as yet. */
  readonly recovering: boolean;
}

/** What a write does where the sector lies, and whether it will do. */
type InPlace = "holds" | "fails" | "perhaps";

function inPlace(model: Model, sector: number): InPlace {
  const { at, faults } = model.where(sector);
  if (!model.isTroubled(sector)) return faults.isWritable(at) ? "holds" : "fails";
  // It is read back, once; whether a flaky sector gives its data then is for those who read before.
  if (!faults.keepsWrites(at)) return "fails";
  return faults.isFlaky(at) ? "perhaps" : "holds";
}

function fateOf(model: Model, sector: number, value: Allowed, slots: Slots): Fate {
  const state = model.at(sector);
  const { at, faults } = model.where(sector);
  const lost = state.relocation?.state === "lost";
  const either = union(state.content, value);
  const before = unchanged(state, lost ? [] : either);
  const stale = state.relocation === undefined ? either : state.main;
  const away = moved(state, value, { automatic: true, main: stale });
  const here = marked(state, false, value);
  const failed: Fate = { succeeds: "no", ifDone: [], ifFailed: [before] };
  const leaves = model.isTroubled(sector) && model.geometry.rules.verifiesPending !== true;
  if (faults.isCutOff(at)) {
    // What could not be read may go to a slot without another look at its device.
    if (!leaves || slots === "none") return failed;
    return { succeeds: "perhaps", ifDone: [away], ifFailed: [before, away] };
  }
  const holds = inPlace(model, sector);
  if (holds === "holds" && !leaves) return done(state, [here], value);
  if (slots === "enough") {
    return done(state, holds === "perhaps" && !leaves ? [here, away] : [away], value);
  }
  // With no slot left, a write to a pending sector is tried in place whatever the policy says.
  if (slots === "none" && holds === "holds") return done(state, [here], value);
  if (slots === "none" && holds === "fails") return failed;
  // How many of the free slots are bad is for the target to find out.
  const possible = [...(slots === "none" ? [] : [away]), ...(holds === "fails" ? [] : [here])];
  const succeeds = holds === "holds" ? "yes" : "perhaps";
  return { succeeds, ifDone: possible, ifFailed: [before, ...possible] };
}

/** It succeeds; if another part fails, it may have been left alone. */
function done(state: SectorState, ifDone: readonly Possibility[], value: Allowed): Fate {
  const lost = state.relocation?.state === "lost";
  const before = unchanged(state, lost ? [] : union(state.content, value));
  const sameSlot = ifDone.filter(({ newSlot }) => !newSlot).map(({ state: after }) => ({
    ...marked(after, false, lost ? value : union(state.content, value)),
  }));
  const elsewhere = ifDone.filter(({ newSlot }) => newSlot);
  return { succeeds: "yes", ifDone, ifFailed: [...elsewhere, ...sameSlot, before] };
}

function wantsSlot(model: Model, sector: number): boolean {
  const leaves = model.isTroubled(sector) && model.geometry.rules.verifiesPending !== true;
  return leaves || inPlace(model, sector) !== "holds";
}

/** Of the slots that the range wants; the limit counts what leaves main, not what changes slots. */
function slotsFor(model: Model, range: Range): Readonly<Record<Side, Slots>> {
  const { geometry: { rules }, faults: { spare } } = model;
  if (rules.passive === true || spare.dead !== undefined) return { main: "none", spare: "none" };
  const wanted = [...sectorsOf(range)].filter((sector) => wantsSlot(model, sector));
  const { length: leaving } = wanted.filter((sector) => model.where(sector).side === "main");
  const { sure, most, limit } = model.supply();
  const judge = (enough: boolean, none: boolean) => enough ? "enough" : none ? "none" : "perhaps";
  return {
    main: judge(wanted.length <= sure && leaving <= limit, Math.min(most, limit) <= 0),
    spare: judge(wanted.length <= sure, most <= 0),
  };
}

export function forecastWrite(
  model: Model,
  range: Range,
  value: number,
  doubt: Doubt,
): WriteForecast {
  const slots = slotsFor(model, range);
  const fates = new Map<number, Fate>();
  let succeeds: WriteForecast["succeeds"] = "yes";
  for (const sector of sectorsOf(range)) {
    const fate = fateOf(model, sector, [value], slots[model.where(sector).side]);
    fates.set(sector, fate);
    if (fate.succeeds === "no") succeeds = "no";
    else if (fate.succeeds === "perhaps" && succeeds === "yes") succeeds = "perhaps";
  }
  if (succeeds === "yes" && doubt.recovering && [...sectorsOf(range)].some(wantsSlotIn(model))) {
    succeeds = "perhaps";
  }
  return { succeeds, fates };
}

function wantsSlotIn(model: Model): (sector: number) => boolean {
  return (sector) => wantsSlot(model, sector);
}

/**
 * The medium has refused, or will refuse, a part of a request that has nothing else the matter with
 * it: then the request is counted as an error. What is pending may be spared the try.
 */
export function isMediumError(model: Model, range: Range, write: boolean): boolean {
  if (model.isCutOff(range)) return false;
  return [...sectorsOf(range)].some((sector) => {
    const { at, faults } = model.where(sector);
    if (model.isTroubled(sector) || model.at(sector).relocation?.state === "lost") return false;
    return write ? !faults.isWritable(at) : !faults.isReadable(at);
  });
}

/** What the write has left open, now that it is known whether it has succeeded. */
export function expectWritten(model: Model, { fates }: WriteForecast, ok: boolean): void {
  if (!ok) model.tally.add("refused writes");
  for (const [sector, { ifDone, ifFailed }] of fates) model.expect(sector, ok ? ifDone : ifFailed);
}

/**
 * What a read, or a scan, leaves behind: sectors that could not be read are pending, or lost if
 * they are on a slot; those that could be read are neither.
 * @param doubt something in the same request failed for another reason, so that the verdict may be
 *   left for later
 */
export function expectRead(model: Model, range: Range, doubt: boolean): void {
  const { rules } = model.geometry;
  for (const sector of sectorsOf(range)) {
    const state = model.at(sector);
    if (state.relocation?.state === "lost") continue;
    const { side, at, faults } = model.where(sector);
    if (faults.isCutOff(at)) continue;
    const readable = faults.isReadable(at);
    const troubled = model.isTroubled(sector);
    if (readable && troubled && faults.isFlaky(at)) {
      // It has had its tries before: whether this one counts depends on who else reads it.
      model.expect(sector, [marked(state, true), marked(state, false)]);
      continue;
    }
    const changes = readable === troubled;
    const possible = changes ? [marked(state, !readable)] : [];
    if (doubt && changes) possible.push(unchanged(state));
    if (readable && faults.isFlaky(at) && rules.proactive === true && side === "main") {
      // Which of the tries has failed, and so whether the sector is weak, is for the target.
      if (!changes) possible.push(unchanged(state));
      possible.push(moved(state, state.content, { automatic: true }));
    }
    if (possible.length > 0) model.expect(sector, possible);
  }
}
