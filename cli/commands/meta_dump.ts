// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { type Extent, hasSlot } from "../metadata/extent.ts";
import { loadMetadata, type Metadata } from "../metadata/load.ts";
import { countExtents, metadataText } from "../metadata/text.ts";
import { toJson } from "../output/json.ts";
import { countFields, superblockFields } from "./meta_check.ts";
import { inWords, openTarget, START_OPTION, type Target, useOf } from "./meta_target.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

/** `meta dump DEV` */
export function registerMetaDump(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("dump")
    .summary("print the table on a spare as text")
    .description(
      "Prints the metadata on DEV as a text that people can read and edit, and that `meta restore` " +
        "takes back: the fields of the superblock, and a line for each run of sectors. Never writes.",
    )
    .argument("<dev>", "the spare device, or a file with an image of it")
    .option(...START_OPTION, sectorNumber)
    .action((path, options) => dump(session, { path, ...options }));
  document(command, {
    notes: [
      "Slots in the text count from the start of the spare range, those that `entries` shows from " +
      "the start of the spare device. The content of the slots is not part of the text.",
    ],
    examples: [
      ["meta dump /dev/sdc1 > sdc1.txt", "keep the table of a spare"],
      ["meta dump /dev/sdc1 --json", "for a script"],
    ],
    exits: [0, 1, 2, 4, 130],
    complete: { dev: "file" },
  });
}

function dump(session: Session, target: Target): void {
  const { path } = target;
  const use = useOf(path);
  if (use !== undefined) session.out.warn(`${path} ${use}: the text may be old when it is read`);
  try {
    using image = openTarget(target);
    const metadata = loadMetadata(image);
    for (const note of metadata.notes) session.out.note(`note: ${note}`);
    const pieces = session.out.json ? jsonPieces(path, metadata) : textPieces(metadata);
    for (const piece of pieces) session.terminal.writeOut(piece);
  } catch (error) {
    throw inWords(error, path);
  }
}

function textPieces(metadata: Metadata): Iterable<string> {
  const { superblock, generation } = metadata;
  const counts = countExtents(metadata.extents());
  return metadataText({ ...superblock, generation }, counts, metadata.extents());
}

/** One document, in pieces: the table may have millions of entries. */
function* jsonPieces(device: string, metadata: Metadata): Generator<string> {
  const { superblock, superblockCopy, generation, checkpoint } = metadata;
  const head = toJson({
    device,
    generation,
    checkpoint,
    superblock_copy: superblockCopy,
    journal_blocks: metadata.journalUsed,
    journal_transactions: metadata.transactions,
    journal_dropped_blocks: metadata.droppedBlocks,
    ...countFields(countExtents(metadata.extents())),
    notes: metadata.notes,
    superblock: superblockFields(superblock),
  }, 2);
  yield `${head.slice(0, -2)},\n  "extents": [`;
  let piece = "";
  let before = "\n    ";
  for (const extent of metadata.extents()) {
    piece += before + JSON.stringify(extentFields(extent));
    before = ",\n    ";
    if (piece.length < 65536) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}\n  ]\n}\n`;
}

function extentFields({ first, length, slot, state }: Extent): Record<string, unknown> {
  return {
    state,
    ...state === "bad" ? {} : { start_sectors: first },
    length_sectors: length,
    ...!hasSlot(state) ? {} : { slot_sectors: slot },
  };
}
