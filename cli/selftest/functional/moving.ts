// SPDX-License-Identifier: GPL-2.0-only
// Relocations that run into writes: no acknowledged write may be lost.
import { check } from "../check.ts";
import { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import { together } from "../tasks.ts";
import type { Bench, FunctionalCase } from "./bench.ts";

const ENOUGH_WRITES = 20;

/** Blocks of eight sectors, each with one writer, moved to and fro by somebody else. */
async function writersLoseNothing(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1024 });
  const writers = 8;
  const start = performance.now();
  let moving = true;
  let writes = 0;
  const write = async (writer: number) => {
    const random = new Random(bench.settings.seed + writer);
    while (moving && !bench.signal.aborted) {
      const block = 8 * (writer + writers * random.below(4));
      await rig.write(block, 8);
      await rig.check("a block right after its write", block, 8);
      writes++;
    }
  };
  const move = async () => {
    const random = new Random(bench.settings.seed + 99);
    try {
      const goesOn = (round: number) => {
        const ms = performance.now() - start;
        // However slow the machine is, the writers have to meet the moves.
        return writes <= ENOUGH_WRITES ? ms < 60_000 : round < 100 && ms < 10_000;
      };
      for (let round = 0; goesOn(round); round++) {
        const first = random.below(250);
        const count = random.between(1, 6 * random.between(1, 4));
        await rig.send(`${random.pick(["remap", "unmap"])} ${first} ${count}`);
      }
    } finally {
      moving = false;
    }
  };
  await together([move(), ...Array.from({ length: writers }, (_, writer) => write(writer))]);
  await rig.check("the whole device in the end");
  check("writes meanwhile", writes > ENOUGH_WRITES, {
    expected: `more than ${ENOUGH_WRITES}`,
    seen: writes,
  });
}

/** One large move at a time, and single sectors that are written while it copies. */
async function largeMovesHold(bench: Bench): Promise<void> {
  const rig = await bench.rig({ features: ["volatile", "max_remaps", "0"] });
  for (
    const message of ["remap 1000 2000", "unmap 1000 2000", "remap 900 1024 2100 500", "clear"]
  ) {
    const moved = rig.send(message);
    const writes = writeScattered(rig, new Random(bench.settings.seed + message.length), 60);
    await together([moved, writes]);
    await rig.check(`the whole device after ${message}`);
  }
}

async function writeScattered(rig: Rig, random: Random, count: number): Promise<void> {
  for (let left = count; left > 0; left--) {
    // Sectors apart from each other: writes to the same one at once would have no order.
    const first = random.between(900, 3000);
    await rig.write(first, random.between(1, 16));
    await rig.check("a sector right after its write", first, 1);
  }
}

export const MOVING_CASES: readonly FunctionalCase[] = [
  { name: "8 writers while their blocks move to and fro", run: writersLoseNothing },
  { name: "writes into large moves", run: largeMovesHold },
];
