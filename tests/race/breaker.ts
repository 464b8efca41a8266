// SPDX-License-Identifier: GPL-2.0-only
//
// Makes sectors bad, and good again, under everybody else's I/O; or whole devices.
import { DEATHS, type FaultKind } from "../model/faults.ts";
import type { Range } from "../suite/guest/range.ts";
import type { Race } from "./race.ts";
import { MAIN_SECTORS, SPARE_SECTORS } from "./stack.ts";

export interface Damage {
  /** How sectors of main go bad. */
  readonly main: readonly FaultKind[];
  /**
   * How slots go bad. Only for writes: nobody but the target knows whose content it would be that a
   * slot cannot give back.
   */
  readonly slots: boolean;
}

/** Ranges that are bad at once. */
const MOST_AT_ONCE = 12;
/** Where slots go bad: those that are taken first. A part of them only, so that others are left. */
const BAD_SLOTS = 512;
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Kinds that leave content in doubt until it is written again. */
function isForReads(kind: FaultKind): boolean {
  return kind !== "write" && kind !== "flaky";
}

/** Breaks parts of the blocks, and some slots, as long as the race is on; heals all at the end. */
export async function breaker(
  race: Race,
  blocks: readonly Range[],
  damage: Damage,
): Promise<void> {
  const { random, ledger, stack } = race;
  const everything = async () => {
    await stack.main.heal({ first: 0, count: MAIN_SECTORS });
    await stack.spare.heal({ first: 0, count: SPARE_SECTORS });
    ledger.healed();
  };
  while (race.running) {
    for (let broken = 0; broken < MOST_AT_ONCE && race.running; broken++) {
      if (random.chance(3)) await pause(random.below(8));
      if (damage.slots && random.chance(3)) await breakSlots(race);
      else await breakMain(race, random.pick(blocks), random.pick(damage.main));
    }
    await pause(random.below(30));
    await everything();
  }
  await everything();
}

async function breakSlots({ random, stack }: Race): Promise<void> {
  const range = {
    first: stack.slotsStart + 8 + random.below(BAD_SLOTS),
    count: 1 + random.below(4),
  };
  await stack.spare.addFault("write", range);
}

async function breakMain(race: Race, block: Range, kind: FaultKind): Promise<void> {
  const range = race.random.part(block);
  race.faults++;
  if (isForReads(kind)) race.ledger.goBad(range);
  await race.stack.main.addFault(kind, range);
}

/** Kills main or the spare for a while, again and again. */
export async function killer(race: Race): Promise<void> {
  const { random, stack } = race;
  while (race.running) {
    await pause(20 + random.below(60));
    const device = random.chance(2) ? stack.main : stack.spare;
    race.deviceDies();
    await device.setDead(random.pick(DEATHS));
    await pause(random.below(40));
    await device.setDead(undefined);
    race.deviceIsBack();
    race.faults++;
  }
}
