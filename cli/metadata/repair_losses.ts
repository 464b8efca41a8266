// SPDX-License-Identifier: GPL-2.0-only
// What a repair could not save, in words that say what it means for the data.
import type { Extent } from "./extent.ts";
import type { Found } from "./repair_choose.ts";
import type { Scan } from "./repair_scan.ts";
import type { Assembly, Range } from "./repair_table.ts";

/** Something that is not known any more. */
export interface Loss {
  /** For programs: a word or two with dashes. */
  readonly code: string;
  readonly message: string;
  /** Sectors of the target that it may be about; all of them if none are given. */
  readonly ranges: readonly Range[];
}

export interface LossFacts {
  readonly current: Found;
  readonly previous: Found | undefined;
  readonly assembly: Assembly;
  readonly scan: Scan;
  /** Sectors in doubt for which there was no slot left. */
  readonly unplaced: readonly Extent[];
}

export function lossesOf(facts: LossFacts): Loss[] {
  const { assembly, scan, unplaced } = facts;
  const losses = [...ofCheckpoint(facts), ...ofJournal(facts)];
  if (assembly.doubtful.length > 0) {
    losses.push({
      code: "slot-taken",
      message:
        `${sectorsIn(assembly.doubtful)} had a slot that now belongs to others; where they ` +
        "are is not known. They count as lost: reads fail until they are written again",
      ranges: assembly.doubtful.map(rangeOf),
    });
  }
  if (unplaced.length > 0) {
    losses.push({
      code: "no-slot-left",
      message: `there is no free slot to mark ${sectorsIn(unplaced)} as lost; ` +
        "reads give the old content of the main device",
      ranges: unplaced.map(rangeOf),
    });
  }
  if (scan.impossible > 0) {
    losses.push({
      code: "impossible-entries",
      message: `${scan.impossible} entries in sound blocks make no sense and were left out`,
      ranges: [],
    });
  }
  return losses;
}

const MEANING =
  "a sector that was relocated there and is not in the table any more gives the old " +
  "content of the main device: check these sectors against a backup";

/** The superblock counted what was in the checkpoint: if that is there again, nothing is missing. */
function ofCheckpoint({ current, previous, assembly }: LossFacts): Loss[] {
  const { missingBlocks, gaps, unknown, checkpointed, bridged } = assembly;
  if (checkpointed === undefined) return [];
  const counted = current.head?.superblock;
  if (
    counted !== undefined &&
    (["remapped", "lost", "pending", "bad"] as const).every((key) =>
      counted[key] === checkpointed[key]
    )
  ) return [];
  const { group, used, ended } = current;
  const which = ended
    ? `${missingBlocks.length} of ${used} blocks of checkpoint generation ${group.generation} ` +
      "are damaged"
    : `the end of checkpoint generation ${group.generation} is missing`;
  const short = counted === undefined ? [] : [
    `it had ${counted.remapped} sectors relocated, ${checkpointed.remapped} of them were found`,
  ];
  const filled = previous === undefined || gaps.length === 0
    ? []
    : bridged && unknown.length === 0
    ? ["what led to it was found, but for changes that were written together with it"]
    : [
      `what the checkpoint of generation ${previous.group.generation} and the rest of its ` +
      "journal say of them was taken, and may be out of date",
    ];
  return [{
    code: "checkpoint-damaged",
    message: [which, ...short, ...filled, MEANING].join("; "),
    ranges: gaps,
  }];
}

function ofJournal({ assembly: { journal }, scan }: LossFacts): Loss[] {
  const losses: Loss[] = [];
  if (journal.missing.length > 0) {
    losses.push({
      code: "journal-damaged",
      message: `${journal.missing.length} blocks of the journal are damaged (${
        journal.missing.slice(0, 8).join(", ")
      }${journal.missing.length > 8 ? ", ..." : ""}): what changed there is not known; ${MEANING}`,
      ranges: [],
    });
  }
  if (journal.dropped === 0 && scan.journalHoles.get(journal.end) === "unreadable") {
    losses.push({
      code: "journal-unreadable",
      message: `block ${journal.end} of the journal cannot be read: if it recorded changes, ` +
        `they are not known; ${MEANING}`,
      ranges: [],
    });
  }
  return losses;
}

function rangeOf({ first, length }: Extent): Range {
  return { first, length };
}

function sectorsIn(extents: readonly Extent[]): string {
  const count = extents.reduce((sum, { length }) => sum + length, 0);
  return count === 1 ? "1 sector" : `${count} sectors`;
}
