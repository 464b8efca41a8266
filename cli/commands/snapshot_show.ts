// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { printable } from "../device/spare/owner.ts";
import { formatPairs } from "../output/table.ts";
import { formatBytes, formatLength, formatPosition, type Units } from "../output/units.ts";
import type { SnapshotEntry, SnapshotHead, Store } from "../store/types.ts";
import {
  badSlotFields,
  countWords,
  DEFAULT_STORE,
  DEVICE_OPTION,
  entryFields,
  filterOf,
  headFields,
  ID_WORDS,
  localTime,
  openForReading,
  snapshotReference,
  STORE_OPTION,
} from "./snapshot_common.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

/** `snapshot show ID` */
export function registerSnapshotShow(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("show")
    .summary("show one snapshot")
    .description("Shows what a snapshot is of; with --entries, the table that it holds as well.")
    .argument("<id>", ID_WORDS)
    .option(...DEVICE_OPTION)
    .option("--entries", "list the sectors that are not simply on main")
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((id, { store: path, device, entries = false }) => {
      const [reference, filter] = [snapshotReference(id), filterOf(device)];
      using store = openForReading(path);
      show(session, store, store.find(reference, filter), entries);
    });
  document(command, {
    notes: ["Places on the spare are counted from the start of its range, as in `meta dump`."],
    examples: [
      ["snapshot show 12", "the snapshot of that number"],
      ["snapshot show latest --device r0 --entries", "the last table of r0"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
  });
}

function show(session: Session, store: Store, head: SnapshotHead, entries: boolean): void {
  const { out } = session;
  if (out.json) {
    return out.result({
      snapshot: headFields(head),
      ...entries
        ? {
          entries: Array.from(store.entries(head.id), entryFields),
          bad_slots: Array.from(store.badSlots(head.id), badSlotFields),
        }
        : {},
    }, () => "");
  }
  out.line(`snapshot ${head.id} of ${printable(head.device.name) || "a device without a name"}`);
  out.line(formatPairs(pairs(head, out.units)));
  if (!entries) return;
  // A table may have millions of lines: they are printed as they come.
  out.line(`\n${row(["START", "LENGTH", "STATE", "SLOT"])}`);
  for (const entry of store.entries(head.id)) out.line(row(cells(entry, out.units)));
  for (const { slot, length } of store.badSlots(head.id)) {
    const place = formatPosition(BigInt(slot), out.units);
    out.line(row(["-", formatLength(BigInt(length), out.units), "bad", place]));
  }
}

function pairs(head: SnapshotHead, units: Units): [string, string][] {
  const { device } = head;
  const length = (sectors: number) => formatLength(BigInt(sectors), units);
  const named = (path: string, id: string) => printable([path, id].filter(Boolean).join(", "));
  const known: [string, string][] = [
    ["taken", `${localTime(head.takenAt)} on ${printable(head.host)}, ${head.source}`],
    ["reason", printable(head.reason)],
    ["table", countWords(head)],
    ["bad slots", head.badSectors === 0 ? "" : length(head.badSectors)],
    ["content", head.withData ? formatBytes(head.dataBytes, units) : "not kept"],
    ["health", printable(head.health)],
    ["size", length(device.mainSectors)],
    ["main", named(device.mainPath, device.mainId)],
    ["spare", named(device.sparePath, length(device.spareSectors))],
    ["uuid", device.uuid ?? "none, the table was in memory only"],
    ["generation", head.generation === 0 ? "" : `${head.generation}`],
    ["versions", `tool ${head.toolVersion}, module ${head.moduleVersion || "not in use"}`],
    ["digest", head.digest],
  ];
  return known.filter(([, value]) => value !== "");
}

function cells({ first, length, state, slot }: SnapshotEntry, units: Units): string[] {
  const place = state === "pending" || state === "wrong"
    ? "-"
    : formatPosition(BigInt(slot), units);
  return [formatPosition(BigInt(first), units), formatLength(BigInt(length), units), state, place];
}

function row([start = "", length = "", state = "", slot = ""]: readonly string[]): string {
  return `${start.padStart(12)}  ${length.padStart(12)}  ${state.padEnd(10)}  ${slot.padStart(12)}`;
}
