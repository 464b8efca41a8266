// SPDX-License-Identifier: GPL-2.0-only
// A device that has met everything that has to be remembered.
import { checkEqual } from "../../check.ts";
import { checkLost } from "../../content.ts";
import type { Rig } from "../../rig.ts";
import { checkAround, readFails, slotOf, write } from "../errors/requests.ts";
import type { FaultyPair } from "./bench.ts";
import type { TableView } from "./view.ts";

/** Bad while the device lives; what can be read of a copy of main is not what matters there. */
const BAD_ON_MAIN = [{ first: 300, count: 4 }, { first: 400, count: 2 }, { first: 500, count: 1 }];
const MOVED_BY_HAND = { first: 10, count: 3 };
const PENDING = { first: 400, count: 2 };
const LOST = 500;
const UNREADABLE_SLOT = 600;
const MOVED_TWICE = 700;

/** Sectors that give no data, or give it only once they have healed. */
const HOLES: readonly number[] = [400, 401, LOST, UNREADABLE_SLOT];

/** What {@linkcode meetEverything} leaves behind, places aside. */
export const EVERYTHING: Omit<TableView, "places" | "slots"> = {
  ...{ remapped: 10, lost: 4, pending: 2, badSlots: 1, usedSlots: 11 },
};

export async function meetEverything(rig: Rig, { main, spare }: FaultyPair): Promise<void> {
  await rig.relocate(MOVED_BY_HAND.first, MOVED_BY_HAND.count);
  await main.fail(BAD_ON_MAIN);
  await write(rig, 296, 16);
  await readFails(rig, PENDING.first, PENDING.count);
  await rig.relocate(LOST, 1, 1);
  await loseSlot(rig, spare);
  await leaveSlot(rig, spare);
  await write(rig, 8, 4);
}

/** Its slot cannot be read. */
async function loseSlot(rig: Rig, spare: FaultyPair["spare"]): Promise<void> {
  await rig.relocate(UNREADABLE_SLOT, 1);
  await spare.fail([{ first: await slotOf(rig, UNREADABLE_SLOT), count: 1 }]);
  await readFails(rig, UNREADABLE_SLOT, 1);
  await spare.heal();
}

/** Its slot refuses a write and is bad from then on. */
async function leaveSlot(rig: Rig, spare: FaultyPair["spare"]): Promise<void> {
  await rig.relocate(MOVED_TWICE, 1);
  await spare.fail([{ first: await slotOf(rig, MOVED_TWICE), count: 1 }]);
  await write(rig, MOVED_TWICE, 1);
  await spare.heal();
}

/** All of it is there: nothing more and nothing less. */
export function checkEverything(what: string, view: TableView): void {
  const { places: _places, slots: _slots, ...counts } = view;
  checkEqual(what, counts, EVERYTHING);
}

/** Every sector gives what it has to, or an error where that is gone. */
export async function checkContent(what: string, rig: Rig): Promise<void> {
  await checkAround(what, rig, HOLES);
  await checkLost(what, rig.file, LOST, 1);
}
