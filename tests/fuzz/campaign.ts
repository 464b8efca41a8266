// SPDX-License-Identifier: GPL-2.0-only
//
// Images by the thousand, given to every loader that there is.
import * as fc from "fast-check";
import { MemoryImage } from "../../cli/metadata/image.ts";
import { loadMetadata, MetadataError } from "../../cli/metadata/load.ts";
import { writeMetadata } from "../../cli/metadata/write.ts";
import { type Damage, damages, judge, type Outcome, spoil } from "./images/damage.ts";
import { type History, history, live, OTHER_UUID } from "./images/history.ts";
import { forge, forgery } from "./images/hostile.ts";
import { canonical } from "./images/table.ts";
import type { Writer } from "./images/writer.ts";
import type { Verdict } from "./native.ts";

export type Load = (image: Uint8Array<ArrayBuffer>) => Verdict;

/** The tool's loader. */
export function loadByTool(image: Uint8Array<ArrayBuffer>): Verdict {
  try {
    const loaded = loadMetadata(new MemoryImage(image));
    return {
      copy: loaded.superblockCopy,
      generation: loaded.generation,
      transactions: loaded.transactions,
      journalUsed: loaded.journalUsed,
      dropped: loaded.droppedBlocks,
      table: canonical(loaded.extents()),
    };
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    return { refused: error.problems.map(({ message }) => message).join("; ") };
  }
}

function show(verdict: Verdict): string {
  return verdict.refused === undefined
    ? JSON.stringify(verdict, null, 1)
    : `refused: ${verdict.refused}`;
}

/** Both loaders' verdict, which is the same. */
export function verdictOf(
  image: Uint8Array<ArrayBuffer>,
  { byTool, native }: Loaders,
): Verdict {
  const [tool, other] = [byTool(image), native(image)];
  const same = tool.refused === undefined
    ? show(tool) === show(other)
    : other.refused !== undefined;
  if (!same) throw new Error(`the tool says: ${show(tool)}\nthe C loader says: ${show(other)}`);
  return tool;
}

export interface Loaders {
  readonly byTool: Load;
  readonly native: Load;
}

export interface CampaignOptions {
  readonly histories: number;
  readonly seed: number;
  /** What is found is not made smaller. */
  readonly quick?: boolean;
}

function foreign(of: History): Writer {
  return live({ ...of, geometry: { ...of.geometry, uuid: OTHER_UUID } });
}

function checkDamage(writer: Writer, other: Writer, damage: Damage, loaders: Loaders): Outcome {
  try {
    const verdict = verdictOf(spoil(writer.bytes, damage, other.bytes), loaders);
    return judge(writer, damage, verdict.refused === undefined ? verdict.table : undefined);
  } catch (cause) {
    throw new Error(`after ${JSON.stringify(damage)}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Metadata of random histories, each block of it damaged in every way: refused, or the table that
 * was there; or, if the end of the journal was hit, the one before that.
 * @throws with the history and the damage, as small as they can be, if anything else comes of it
 */
export function damageCampaign(
  { histories, seed, quick = false }: CampaignOptions,
  loaders: Loaders,
): Record<Outcome, number> {
  const tally: Record<Outcome, number> = { same: 0, refused: 0, earlier: 0 };
  const property = fc.property(history, (days) => {
    const writer = live(days);
    const sound = verdictOf(writer.bytes, loaders);
    if (sound.refused !== undefined) throw new Error(`sound, but refused: ${sound.refused}`);
    if (sound.table !== writer.past.at(-1)) {
      throw new Error(`sound, but loaded as:\n${sound.table}not as:\n${writer.past.at(-1)}`);
    }
    const other = foreign(days);
    for (const damage of damages(writer)) tally[checkDamage(writer, other, damage, loaders)]++;
  });
  fc.assert(property, { numRuns: histories, seed, endOnFailure: quick });
  return tally;
}

/**
 * Forged numbers with right checksums. What the table is then nobody can say, but the loaders agree
 * on it. (That an accepted table can be served is what libFuzzer's target checks.)
 * @throws with the history and the forgeries, as small as they can be, if they do not
 */
export function forgeryCampaign(
  { histories, seed, quick = false }: CampaignOptions,
  loaders: Loaders,
): Record<"accepted" | "refused", number> {
  const tally = { accepted: 0, refused: 0 };
  const forgeries = fc.array(forgery, { minLength: 1, maxLength: 3 });
  const property = fc.property(history, forgeries, (days, forged) => {
    const verdict = verdictOf(forge(live(days), forged), loaders);
    tally[verdict.refused === undefined ? "accepted" : "refused"]++;
  });
  fc.assert(property, { numRuns: histories, seed, endOnFailure: quick });
  return tally;
}

/** Remembers what there was after each write, and what a torn one leaves. */
class Recorder extends MemoryImage {
  readonly states: Uint8Array<ArrayBuffer>[] = [];

  override write(offset: number, bytes: Uint8Array): void {
    super.write(offset, bytes.subarray(0, bytes.length >> 1));
    this.states.push(this.bytes.slice());
    super.write(offset, bytes);
    this.states.push(this.bytes.slice());
  }
}

/**
 * The tool writes another table over what a device has left. Wherever it stops, there is the old
 * table or the new one; and at the end the new one.
 * @throws with the histories if anything else is there
 */
export function rewriteCampaign(
  { histories, seed, quick = false }: CampaignOptions,
  loaders: Loaders,
): Record<"old" | "new", number> {
  const tally = { old: 0, new: 0 };
  const property = fc.property(history, history, (days, others) => {
    const writer = live(days);
    const { geometry } = writer;
    const { table } = live({ ...others, geometry });
    const image = new Recorder(writer.bytes.slice());
    const fields = {
      ...geometry,
      mainStart: 0,
      mainDeviceSectors: geometry.mainSectors,
      spareStart: 0,
      spareDeviceSectors: geometry.spareSectors,
    };
    writeMetadata(image, fields, table.extents());
    for (const state of image.states) {
      const verdict = verdictOf(state, loaders);
      if (verdict.refused !== undefined) throw new Error(`half-way refused: ${verdict.refused}`);
      if (verdict.table === table.text) tally.new++;
      else if (verdict.table === writer.past.at(-1)) tally.old++;
      else throw new Error(`half-way another table:\n${verdict.table}`);
    }
    const end = verdictOf(image.bytes, loaders);
    if (end.refused !== undefined || end.table !== table.text) throw new Error("not written");
  });
  fc.assert(property, { numRuns: histories, seed, endOnFailure: quick });
  return tally;
}
