// SPDX-License-Identifier: GPL-2.0-only
// The LOAD rules of docs/metadata-format.md, for check and load alike.
import { scanCheckpoint } from "./checkpoint.ts";
import { addToTotals, BAD, stateHasSlot, type Totals } from "./entry.ts";
import { Findings } from "./findings.ts";
import type { Image } from "./image.ts";
import type { Interval } from "./interval_map.ts";
import { type Journal, readJournal } from "./journal.ts";
import { type Freed, Merge, Replay } from "./merge.ts";
import { type Chosen, selectSuperblock } from "./select.ts";
import { isMigrating } from "./superblock.ts";
import { SlotMap, TooManySlotsError } from "./slot_map.ts";

/** Sectors in each state, and extents. */
export interface TableTotals extends Totals {
  entries: number;
}

export interface Inspection {
  readonly findings: Findings;
  /** The superblock that counts, if one does. */
  readonly chosen?: Chosen;
  readonly journal?: Journal;
  readonly replay?: Replay;
  readonly totals: TableTotals;
}

/** Reads everything that counts, and finds what is wrong with it. */
export function inspect(image: Image): Inspection {
  const findings = new Findings(image.path);
  const totals: TableTotals = { remapped: 0, lost: 0, pending: 0, bad: 0, entries: 0 };
  const chosen = selectSuperblock(image, findings);
  if (chosen === undefined) return { findings, totals };
  const journal = readJournal(image, chosen.superblock, chosen.layout, findings);
  const replay = new Replay(journal.entries);
  try {
    new TableCheck(chosen, replay, findings, totals).run(image);
  } catch (error) {
    if (!(error instanceof TooManySlotsError)) throw error;
    findings.add("slots", "checkpoint", error.message);
  }
  noteJournal(journal, findings);
  if (journal.used === 0) noteCounts(chosen, totals, findings);
  noteLength(image, chosen, findings);
  noteMigration(chosen, findings);
  findings.close();
  return { findings, chosen, journal, replay, totals };
}

function noteJournal({ dropped }: Journal, findings: Findings): void {
  if (dropped === 0) return;
  findings.note(
    `the journal ends with ${dropped} block${dropped === 1 ? "" : "s"} of a transaction ` +
      "that was never completed: dropped, nobody was told that it had happened",
  );
}

/** The counts of a superblock are for people; nothing depends on them. */
function noteCounts({ superblock, adopted }: Chosen, totals: Totals, findings: Findings): void {
  const wrong = (["remapped", "lost", "pending", "bad"] as const)
    .filter((key) => superblock[key] !== totals[key]);
  if (adopted || findings.areAny || wrong.length === 0) return;
  const counts = wrong.map((key) => `${key} ${superblock[key]}, counted ${totals[key]}`);
  findings.note(`the superblock's own counts are wrong: ${counts.join("; ")}`);
}

function noteLength(image: Image, { superblock }: Chosen, findings: Findings): void {
  const bytes = superblock.spareSectors * 512;
  if (image.sizeBytes >= bytes) return;
  findings.note(`the spare range has ${bytes} bytes, but only ${image.sizeBytes} are here`);
}

function noteMigration({ superblock }: Chosen, findings: Findings): void {
  if (!isMigrating(superblock)) return;
  findings.note(
    `a migration from here to the spare with set ${superblock.linkedUuid} was under way; if that ` +
      "spare does not say that it has ended, it is given up at the next activation",
  );
}

/** Slots and counts of the checkpoint, and of the table after the journal. */
class TableCheck {
  readonly #chosen: Chosen;
  readonly #replay: Replay;
  readonly #findings: Findings;
  readonly #totals: TableTotals;
  readonly #slots: SlotMap;
  /** Slots that the journal gives to something. */
  readonly #wanted: SlotMap;
  /** What the checkpoint says of wanted slots, and which entry of the journal ends it. */
  readonly #freed: Freed[] = [];
  #touchAt = 0;

  constructor(chosen: Chosen, replay: Replay, findings: Findings, totals: TableTotals) {
    this.#chosen = chosen;
    this.#replay = replay;
    this.#findings = findings;
    this.#totals = totals;
    const { blockSectors, spareSectors } = chosen.superblock;
    this.#slots = new SlotMap(blockSectors, spareSectors);
    this.#wanted = new SlotMap(blockSectors, spareSectors);
  }

  run(image: Image): void {
    const { entries } = this.#replay;
    for (let entry = 0; entry < entries.count; entry++) {
      if (!stateHasSlot(entries.state[entry]!)) continue;
      this.#wanted.claim(entries.slot[entry]!, entries.length[entry]!);
    }
    const merge = new Merge(this.#replay, this.#count);
    const isQuiet = entries.count === 0;
    scanCheckpoint(image, this.#chosen, this.#findings, (first, length, slot, state) => {
      if (stateHasSlot(state) && !this.#slots.claim(slot, length)) return "a slot is used twice";
      if (isQuiet) this.#count(first, length, slot, state);
      else {
        if (state !== BAD && stateHasSlot(state)) this.#noteFreed(first, length, slot);
        merge.push(first, length, slot, state);
      }
      return undefined;
    });
    merge.finish();
    if (!isQuiet) this.#replaySlots();
  }

  #count = (_first: number, length: number, _slot: number, state: number): void => {
    this.#totals.entries++;
    addToTotals(this.#totals, length, state);
  };

  /** Remembers which entry of the journal takes wanted slots away from an extent. */
  #noteFreed(first: number, length: number, slot: number): void {
    const { firstTouch } = this.#replay;
    while (this.#touchAt < firstTouch.length && firstTouch[this.#touchAt]!.end <= first) {
      this.#touchAt++;
    }
    for (let at = this.#touchAt; at < firstTouch.length; at++) {
      const touch: Interval = firstTouch[at]!;
      if (touch.start >= first + length) return;
      const start = Math.max(first, touch.start);
      const part = Math.min(first + length, touch.end) - start;
      const from = slot + start - first;
      if (this.#wanted.meets(from, part)) {
        this.#freed.push({ entry: touch.value, slot: from, length: part });
      }
    }
  }

  /** Entry by entry: what its sectors had is free, and what it takes must be. */
  #replaySlots(): void {
    const { entries, freed } = this.#replay;
    const old = this.#freed.sort((a, b) => a.entry - b.entry);
    let [oldAt, freedAt] = [0, 0];
    for (let entry = 0; entry < entries.count; entry++) {
      for (; old[oldAt]?.entry === entry; oldAt++) this.#free(old[oldAt]!);
      for (; freed[freedAt]?.entry === entry; freedAt++) this.#free(freed[freedAt]!);
      if (!stateHasSlot(entries.state[entry]!)) continue;
      if (this.#slots.claim(entries.slot[entry]!, entries.length[entry]!)) continue;
      const block = this.#chosen.layout.journalStart + entries.block[entry]!;
      const what = "journal: a slot is used twice";
      this.#findings.block("journal", block, what, entries.index[entry]!);
    }
  }

  #free({ slot, length }: Freed): void {
    this.#slots.free(slot, length);
  }
}
