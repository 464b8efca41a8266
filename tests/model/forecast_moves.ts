// SPDX-License-Identifier: GPL-2.0-only
//
// What the messages that move sectors must lead to.
import {
  backOnMain,
  marked,
  moved,
  placeOf,
  type Possibility,
  type SectorState,
  unchanged,
  union,
} from "./states.ts";
import type { Model } from "./model.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";

export interface RemapForecast {
  readonly sectors: readonly number[];
  /** How many of all sectors in the request are lost afterwards. */
  readonly lost: number;
  readonly outcome: "done" | "full" | "either" | "cut off" | "doubtful";
}

export interface UnmapForecast {
  readonly cleared: number;
  readonly kept: number;
  /** A device does not answer where the copies would have to go. */
  readonly cutOff: boolean;
  readonly possible: ReadonlyMap<number, readonly Possibility[]>;
}

export function forecastRemap(model: Model, ranges: readonly Range[]): RemapForecast {
  const { main, spare } = model.faults;
  const all = ranges.flatMap((range) => [...sectorsOf(range)]);
  const sectors = all.filter((sector) => model.at(sector).relocation === undefined);
  const lost =
    all.filter((sector) =>
      model.at(sector).relocation === undefined
        ? !main.isReadable(sector)
        : placeOf(model.at(sector)) === "lost"
    ).length;
  const { sure, most, limit } = model.supply();
  let outcome: RemapForecast["outcome"] = "either";
  if (sectors.length === 0) outcome = "done";
  else if (sectors.some((sector) => main.isCutOff(sector))) outcome = "cut off";
  else if (spare.dead !== undefined) {
    // What is lost needs nothing of the spare, but perhaps a flush.
    outcome = sectors.some((sector) => main.isReadable(sector)) ? "cut off" : "doubtful";
  } else if (sectors.length > Math.min(most, limit)) outcome = "full";
  else if (sectors.length <= sure) outcome = "done";
  return { sectors, lost, outcome };
}

/** All of them are on the spare now. */
export function expectRemapped(model: Model, { sectors }: RemapForecast): void {
  const { main } = model.faults;
  for (const sector of sectors) {
    const state = model.at(sector);
    const content = main.isReadable(sector) ? state.content : [];
    model.expect(sector, [moved(state, content, { automatic: false })]);
  }
  model.remappedByHand(sectors.length);
}

/** None of them is, but the target may have noticed what it could not read. */
export function expectNotRemapped(model: Model, { sectors }: RemapForecast): void {
  const { main } = model.faults;
  for (const sector of sectors) {
    const state = model.at(sector);
    if (main.isCutOff(sector)) continue;
    const readable = main.isReadable(sector);
    if (readable === state.pending) {
      model.expect(sector, [unchanged(state), marked(state, !readable)]);
    }
  }
}

/** Takes back what can go back to main; the rest stays. */
export function forecastUnmap(model: Model, range: Range, force: boolean): UnmapForecast {
  const possible = new Map<number, readonly Possibility[]>();
  const { main, spare } = model.faults;
  let cleared = 0;
  let kept = 0;
  let cutOff = false;
  for (const sector of sectorsOf(range)) {
    const state = model.at(sector);
    const { relocation } = state;
    if (relocation === undefined) continue;
    if (force) {
      possible.set(sector, [backOnMain(state.main)]);
      cleared++;
    } else if (relocation.state === "lost") kept++;
    else {
      const slot = relocation.slot ?? -1;
      const both = union(state.main, state.content);
      const copied = backOnMain(state.content);
      // A part of what failed may have been written: a bad sector fails its neighbours, too.
      const stays = unchanged({ ...state, main: both });
      const noticed = marked({ ...state, main: both }, !spare.isReadable(slot));
      if (spare.isCutOff(slot) || (main.isCutOff(sector) && spare.isReadable(slot))) {
        cutOff = true;
        possible.set(sector, [stays]);
        kept++;
      } else if (!main.keepsWrites(sector) || !spare.isReadable(slot)) {
        possible.set(sector, [stays, noticed]);
        kept++;
      } else {
        possible.set(sector, [copied]);
        cleared++;
      }
    }
  }
  return { cleared, kept, cutOff, possible };
}

/** Everything on the spare moves to another one; what cannot be read is lost, and nothing else. */
export function forecastMigration(model: Model): ReadonlyMap<number, readonly Possibility[]> {
  const { spare } = model.faults;
  const possible = new Map<number, readonly Possibility[]>();
  const move = (state: SectorState, content: SectorState["content"]) =>
    moved(state, content, { automatic: false });
  for (const sector of model.relocated()) {
    const state = model.at(sector);
    const slot = state.relocation?.slot ?? -1;
    const lost = move(state, []);
    if (state.relocation?.state === "lost" || !spare.isReadable(slot)) {
      possible.set(sector, [lost]);
    } else if (spare.isFlaky(slot)) possible.set(sector, [move(state, state.content), lost]);
    else possible.set(sector, [move(state, state.content)]);
  }
  return possible;
}

export function expectMigrated(
  model: Model,
  forecast: ReadonlyMap<number, readonly Possibility[]>,
): void {
  model.leaveSpare();
  for (const [sector, possible] of forecast) model.expect(sector, possible);
}

export function expectUnmapped(model: Model, forecast: UnmapForecast, ok: boolean): void {
  for (const [sector, possible] of forecast.possible) {
    const state = model.at(sector);
    // It has stopped half-way: what came back until then stays so.
    const stays = unchanged({ ...state, main: union(state.main, state.content) });
    model.expect(sector, ok ? possible : [...possible, stays]);
  }
}
