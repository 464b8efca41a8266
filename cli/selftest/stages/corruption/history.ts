// SPDX-License-Identifier: GPL-2.0-only
// A device with every kind of block in use, and its crash image.
import { BLOCK_SIZE } from "../../../metadata/format.ts";
import { checkMetadata } from "../../../metadata/check.ts";
import { MemoryImage } from "../../../metadata/image.ts";
import { loadMetadata } from "../../../metadata/load.ts";
import { check, checkEqual, CheckError, checkMatch } from "../../check.ts";
import { SECTOR } from "../../pattern.ts";
import {
  type CrashImage,
  CURE,
  type Pair,
  type PersistenceBench,
  SPARE_SECTORS,
} from "../persistence/bench.ts";
import { firstDifference } from "../persistence/files.ts";
import { layoutOn, liveView, type TableView, viewOf } from "../persistence/view.ts";

/** Where its content is looked at. */
const RELOCATED = [{ first: 0, count: 64 }, { first: 1600, count: 256 }];

/** More than fit into one block. */
const SCATTERED = 300;

/** Which blocks of the image are which. */
export interface Places {
  /** The superblock that counts, and the other one. */
  readonly superblocks: readonly [current: number, other: number];
  readonly current: readonly number[];
  /** The checkpoint before it. */
  readonly older: readonly number[];
  /** Blocks of the journal that count, each a transaction. */
  readonly journal: readonly number[];
  /** Blocks of the ring behind them. */
  readonly rest: readonly number[];
}

export interface History {
  /** Disks with the image. */
  readonly pair: Pair;
  readonly image: CrashImage;
  readonly view: TableView;
  /** The table as it was before the last transaction. */
  readonly before: TableView;
  readonly places: Places;
}

type Past = Omit<History, "pair">;

/** What all cases damage, each for itself. */
let past: Past | undefined;

export async function makeHistory(bench: PersistenceBench): Promise<History> {
  past ??= await live(bench);
  return { ...past, pair: await bench.revive(past.image) };
}

/** Two checkpoints of two blocks each, and three transactions in the ring. */
async function live(bench: PersistenceBench): Promise<Past> {
  const pair = await bench.pair();
  return await bench.life(pair, async (rig) => {
    const sectors = Array.from({ length: SCATTERED }, (_, index) => `${5 * index} 1`);
    checkEqual(
      "remap",
      await rig.send(`remap ${sectors.join(" ")}`),
      `remapped=${SCATTERED} lost=0`,
    );
    await rig.send("save");
    await rig.relocate(1601, 2);
    await rig.send("save");
    await rig.write(0, 64);
    await rig.relocate(1701, 3);
    checkEqual("unmap", await rig.send("unmap 1601 2"), "cleared=2 kept=0");
    const before = await liveView(rig);
    await rig.relocate(1801, 4);
    const image = await bench.crash(pair);
    const metadata = await bench.metadata(pair);
    checkEqual("blocks of the checkpoint", metadata.checkpointUsed, 2);
    checkEqual("blocks of the journal", metadata.journalUsed, 3);
    const layout = layoutOn(pair.spare.sectors, 512);
    const blocks = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => from + index);
    const newest = metadata.superblockCopy === "A" ? 0 : 1;
    return {
      image,
      before,
      view: await liveView(rig),
      places: {
        superblocks: [newest, 1 - newest],
        current: blocks(layout.checkpointStart[metadata.checkpoint], 2),
        older: blocks(layout.checkpointStart[metadata.checkpoint === 0 ? 1 : 0], 2),
        journal: blocks(layout.journalStart, 3),
        rest: blocks(layout.journalStart + 3, layout.journalBlocks - 3),
      },
    };
  });
}

/** What has to come of it. */
export type Expected = "refused" | "same" | "before the last";

/**
 * Damages the spare of a history and brings the device up: the target does what is expected, and
 * the tool, which only reads, says the same.
 * @param sees who can know that something is wrong
 */
export async function checkDamage(
  bench: PersistenceBench,
  history: History,
  what: string,
  damage: (spare: Uint8Array<ArrayBuffer>) => void,
  expected: Expected,
  sees: "all" | "target" = "all",
): Promise<void> {
  const spare = history.image.spare.slice();
  damage(spare);
  const at = firstDifference(spare, history.image.spare);
  check(what, at >= 0, { expected: "other bytes on the spare", seen: "none" });
  // Nothing writes to slots or to main here: what has changed lies in the metadata.
  const watched = layoutOn(SPARE_SECTORS, 512).slotsStart;
  await bench.write(history.pair.raw.spare, spare.slice(0, watched * SECTOR));
  const outcome = await bench.attempt(what, history.pair, { looked: RELOCATED, watched });
  if ("refused" in outcome) {
    if (expected !== "refused") throw new CheckError(what, expected, outcome.refused);
    checkMatch(`the log, ${what}`, outcome.refused, CURE);
  } else {
    if (expected === "refused") throw new CheckError(what, "refused", "a device");
    checkEqual(what, outcome.view, expected === "same" ? history.view : history.before);
  }
  if (sees === "all") checkTool(what, spare, outcome);
}

/** `meta check` looks at the same bytes. */
function checkTool(
  what: string,
  spare: Uint8Array<ArrayBuffer>,
  outcome: Awaited<ReturnType<PersistenceBench["attempt"]>>,
): void {
  const image = new MemoryImage(spare);
  const { problems } = checkMetadata(image);
  const seen = problems.map(({ where, message }) => `${where}: ${message}`).join("; ");
  if ("refused" in outcome) {
    check(`meta check, ${what}`, problems.length > 0, {
      ...{ expected: `problems, for the target says: ${outcome.refused}`, seen: "none" },
    });
    return;
  }
  checkEqual(`meta check, ${what}`, seen, "");
  checkEqual(`the tool's table, ${what}`, viewOf(loadMetadata(image)), outcome.view);
}

/** The bytes of a block, in place. */
export function blockOf(spare: Uint8Array<ArrayBuffer>, block: number): Uint8Array<ArrayBuffer> {
  return spare.subarray(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE);
}
