// SPDX-License-Identifier: GPL-2.0-only
//
// After the race: everything is there, and is accounted for.
import { formatPlaces } from "../../cli/device/messages.ts";
import { hasSlot } from "../../cli/metadata/extent.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import {
  contract,
  promise5MappingIsInjective,
  promise6AccountsBalance,
  promise8NoSlotForTransport,
} from "../model/promises.ts";
import type { Range } from "../suite/guest/range.ts";
import { SECTOR_BYTES } from "../model/stamps.ts";
import type { Race } from "./race.ts";
import { MAIN_SECTORS } from "./stack.ts";

const EVERYTHING: Range = { first: 0, count: MAIN_SECTORS };

async function checkAccounts(race: Race): Promise<void> {
  const { target } = race.stack;
  const places = await target.verify([{ first: 0n, count: BigInt(MAIN_SECTORS) }]);
  const status = target.status();
  const stats = await target.stats();
  const slots = Number(status.spareTotal);
  promise5MappingIsInjective(places, race.stack.slotsStart, slots);
  const sum = (...wanted: readonly string[]) =>
    places.filter(({ place }) => wanted.includes(place))
      .reduce((all, { count }) => all + Number(count), 0);
  const remapped = sum("remapped", "lost");
  const count = (name: string) => Number(stats.get(name));
  promise6AccountsBalance(
    {
      remapped,
      lost: sum("lost", "pending"),
      pending: sum("pending"),
      slots,
      automatic: count("auto_remaps"),
      manualRemaps: count("manual_remaps"),
      unmapped: count("unmapped"),
      leastBad: 0,
      mostBad: race.slotsGoBad ? slots : 0,
    },
    status,
    stats,
  );
  // Whoever changed slots has been relocated twice, and has left a bad one behind.
  const twice = count("auto_remaps") + count("manual_remaps") - count("unmapped") - remapped;
  contract(
    twice >= 0 && twice <= count("spare_bad"),
    `${twice} sectors more were relocated than came back or are there, and ` +
      `${count("spare_bad")} slots are bad`,
  );
  if (race.sectorsGoBad) return;
  promise8NoSlotForTransport("relocated by itself", 0, count("auto_remaps"));
  promise8NoSlotForTransport("pending", 0, sum("pending"));
  promise8NoSlotForTransport("lost", 0, race.mayLose ? 0 : sum("lost"));
}

/** The table is on the spare, word for word, and there again after a restart. */
async function checkLasts({ stack }: Race): Promise<void> {
  const entries = async () => formatPlaces(await Array.fromAsync(stack.target.entries()));
  const status = stack.target.status();
  const live = await entries();
  const metadata = await stack.metadata();
  let [relocated, bad] = [0, 0];
  for (const { state, length } of metadata.extents()) {
    if (state === "bad") bad += length;
    else if (hasSlot(state)) relocated += length;
  }
  contract(
    relocated === Number(status.remapped) && bad === Number(status.spareBad ?? 0n),
    `the spare has ${relocated} sectors and ${bad} bad slots, the target ${status.remapped} ` +
      `and ${status.spareBad}`,
  );
  await stack.recreate();
  const again = await entries();
  contract(again === live, `the table was\n${live}\nand is after a restart\n${again}`);
  const { spareBad, mode } = stack.target.status();
  contract(spareBad === status.spareBad, `${spareBad} slots are bad, not ${status.spareBad}`);
  contract(mode === "rw", `mode=${mode}`);
}

async function readAll(race: Race): Promise<void> {
  const count = 2048;
  for (let first = 0; first < MAIN_SECTORS; first += count) await race.read({ first, count });
}

/** Reads all of it on the target and, unmapped, on main itself. */
export async function checkEverything(race: Race, blocks: readonly Range[]): Promise<void> {
  if (race.failedWrites + race.failedReads + race.refusedMoves > 0) await race.trustAgain();
  await checkAccounts(race);
  await readAll(race);
  // Everything is healthy by now: what is written ends all excuses.
  if (race.sectorsGoBad) await Promise.all(blocks.map((block) => race.write(block)));
  contract(!race.ledger.isExcused(EVERYTHING), "the test itself has left sectors in doubt");
  await readAll(race);
  await checkAccounts(race);
  if (race.stack.lasts) {
    await checkLasts(race);
    await readAll(race);
  }
  const { kept } = await race.stack.target.clear();
  contract(kept === 0n, `clear kept ${kept} sectors`);
  await readAll(race);
  using main = DirectFile.open(race.stack.main.path);
  const read = race.ledger.beginRead(EVERYTHING);
  race.ledger.endRead(read, await main.read(0n, MAIN_SECTORS * SECTOR_BYTES));
}
