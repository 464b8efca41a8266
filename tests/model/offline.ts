// SPDX-License-Identifier: GPL-2.0-only
//
// What the metadata on the spare says, compared with the model: the offline view is the live view.
import type { RemapStatus } from "../../cli/device/status_line.ts";
import { hasSlot } from "../../cli/metadata/extent.ts";
import type { OfflineView } from "./device.ts";
import type { Model } from "./model.ts";
import { PromiseBroken } from "./promises.ts";
import type { SectorState } from "./states.ts";

const PROMISE = "promise 6, the offline view equals the live view";

function expectNumber(what: string, actual: number | undefined, wanted: number): void {
  if (actual === wanted) return;
  throw new PromiseBroken(PROMISE, `${what}: ${actual} in the metadata, not ${wanted}`);
}

/** As an entry says it; "main" for what no entry is about. */
function live({ pending, relocation }: SectorState): string {
  if (relocation === undefined) return pending ? "pending" : "main";
  return `${relocation.state} ${relocation.slot}`;
}

/** Sector by sector; bad slots apart. */
function offline({ extents }: OfflineView): { sectors: Map<number, string>; bad: number } {
  const sectors = new Map<number, string>();
  let bad = 0;
  for (const { first, length, slot, state } of extents) {
    if (state === "bad") bad += length;
    else {
      for (let i = 0; i < length; i++) {
        if (sectors.has(first + i)) {
          throw new PromiseBroken(PROMISE, `two entries are about sector ${first + i}`);
        }
        sectors.set(first + i, hasSlot(state) ? `${state} ${slot + i}` : state);
      }
    }
  }
  return { sectors, bad };
}

/** @throws {PromiseBroken} */
export function checkOffline(model: Model, view: OfflineView, status: RemapStatus): void {
  const { sectors, bad } = offline(view);
  for (const sector of new Set([...sectors.keys(), ...model.relocated(), ...model.pending()])) {
    const [there, here] = [sectors.get(sector) ?? "main", live(model.at(sector))];
    if (there === here) continue;
    throw new PromiseBroken(PROMISE, `sector ${sector} is ${there} in the metadata, not ${here}`);
  }
  expectNumber("bad slots", bad, Number(status.spareBad));
  expectNumber("generation", view.generation, Number(status.extra.get("generation")));
  if (view.journalUsed > 0) return;
  const { remapped, lost, pending } = model.accounts();
  expectNumber("sectors relocated", view.counts.remapped, remapped);
  expectNumber("sectors lost", view.counts.lost, lost - pending);
  expectNumber("sectors pending", view.counts.pending, pending);
  expectNumber("slots counted as bad", view.counts.bad, bad);
}
