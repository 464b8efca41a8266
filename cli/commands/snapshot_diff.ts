// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { captureLive } from "../device/capture.ts";
import { RefusedError, UsageError } from "../device/errors.ts";
import type { JsonFields } from "../output/json.ts";
import { type Column, formatColumns } from "../output/table.ts";
import { countOf, formatLength, formatPosition, type Units } from "../output/units.ts";
import {
  asShown,
  type Change,
  CHANGE_KINDS,
  type ChangeKind,
  diffEntries,
  type Place,
  summarize,
} from "../store/diff.ts";
import { isSameDevice } from "../store/identity.ts";
import type { DeviceIdentity, SnapshotEntry, SnapshotHead, Store } from "../store/types.ts";
import {
  DEFAULT_STORE,
  DEVICE_OPTION,
  filterOf,
  headFields,
  ID_WORDS,
  localTime,
  openForReading,
  snapshotReference,
  STORE_OPTION,
} from "./snapshot_common.ts";
import { document } from "./support/command_doc.ts";
import { deviceName } from "./support/names.ts";
import type { Session } from "./support/session.ts";

/** What each kind of change means to a person. */
const MEANINGS: Readonly<Record<ChangeKind, string>> = {
  relocated: "relocated",
  moved: "moved to another place",
  lost: "lost",
  pending: "found unreadable on main",
  found: "readable again",
  returned: "returned to main",
  marked: "unreadable for another reason",
};

interface DiffOptions {
  readonly store: string;
  readonly device?: string;
  readonly live?: string | true;
}

/** One side of a comparison. */
interface Side {
  readonly words: string;
  readonly fields: JsonFields;
  readonly device: DeviceIdentity;
  /** Such a table may say less than one from the metadata. */
  readonly isLive: boolean;
  readonly entries: Iterable<SnapshotEntry>;
}

/** `snapshot diff ID [OTHER]` */
export function registerSnapshotDiff(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("diff")
    .summary("show which sectors moved, were lost or found")
    .description(
      "Compares two snapshots of one device, or a snapshot with the device in use: which sectors " +
        "were relocated or moved, lost, found again, or returned to main in between.",
    )
    .argument("<id>", `the older one: ${ID_WORDS}`)
    .argument("[other]", "the newer one")
    .option("--live [device]", "compare with the device in use, which has this name by now")
    .option(...DEVICE_OPTION)
    .option(...STORE_OPTION, DEFAULT_STORE)
    .action((id, other, options) => diff(session, id, other, options));
  document(command, {
    notes: ["The exit code does not tell whether there are differences; --json does."],
    examples: [
      ["snapshot diff 12 15", "what changed between the two"],
      ["snapshot diff latest --device r0 --live", "what changed since the last snapshot of r0"],
      ["snapshot diff 12 --live r1", "the device is called r1 by now"],
    ],
    exits: [0, 1, 2, 4, 5, 6, 130],
  });
}

async function diff(
  session: Session,
  id: string,
  other: string | undefined,
  options: DiffOptions,
): Promise<void> {
  const { live } = options;
  if ((other === undefined) === (live === undefined)) {
    throw new UsageError(
      other === undefined
        ? "what to compare with is missing"
        : "OTHER and --live exclude each other",
      { cure: "give another snapshot, or --live for the device in use" },
    );
  }
  const [first, second] = [id, other ?? id].map(snapshotReference) as [string, string];
  const filter = filterOf(options.device);
  using store = openForReading(options.store);
  const before = snapshotSide(store, store.find(first, filter));
  const after = other === undefined
    ? await liveSide(session, deviceName(typeof live === "string" ? live : before.device.name))
    : snapshotSide(store, store.find(second, filter));
  if (!isSameDevice(before.device, after.device)) {
    throw new RefusedError("is of another device, or of one of another size", {
      device: after.words,
      cure: `\`dmremap-ts snapshot list\` shows those of ${before.device.name}`,
    });
  }
  const plain = before.isLive || after.isLive;
  const entriesOf = (side: Side) => plain ? asShown(side.entries) : side.entries;
  show(session, before, after, [...diffEntries(entriesOf(before), entriesOf(after))]);
}

function snapshotSide(store: Store, head: SnapshotHead): Side {
  return {
    words: `snapshot ${head.id} (${localTime(head.takenAt)})`,
    fields: headFields(head),
    device: head.device,
    isLive: head.source === "live",
    entries: store.entries(head.id),
  };
}

async function liveSide(session: Session, name: string): Promise<Side> {
  const { facts, entries } = await session.withDevice(
    name,
    (device) => captureLive(device, { signal: session.signal }),
  );
  return {
    words: `${name} now`,
    fields: { device: name, table_changes: facts.tableChanges, generation: facts.generation },
    device: facts.device,
    isLive: true,
    entries,
  };
}

function show(session: Session, before: Side, after: Side, changes: readonly Change[]): void {
  const { out } = session;
  const summary = summarize(changes);
  out.result(
    {
      before: before.fields,
      after: after.fields,
      equal: changes.length === 0,
      summary: Object.fromEntries(CHANGE_KINDS.map((kind) => [`${kind}_sectors`, summary[kind]])),
      changes: changes.map(changeFields),
    },
    () => {
      const heading = `${before.words} -> ${after.words}`;
      if (changes.length === 0) return `${heading}: no difference`;
      const words = CHANGE_KINDS.filter((kind) => summary[kind] > 0)
        .map((kind) => `${countOf(summary[kind], "sector")} ${MEANINGS[kind]}`);
      return [`${heading}: ${words.join(", ")}`, table(changes, out.units)].join("\n");
    },
  );
}

function changeFields({ first, length, kind, before, after }: Change): JsonFields {
  return {
    start_sectors: first,
    length_sectors: length,
    change: kind,
    before: placeFields(before),
    after: placeFields(after),
  };
}

function placeFields(place: Place | undefined): JsonFields {
  if (place === undefined) return { state: "main" };
  const { state, slot } = place;
  return { state, slot_sectors: slot === 0 ? undefined : slot };
}

const COLUMNS: readonly Column[] = [
  { heading: "START", numeric: true },
  { heading: "LENGTH", numeric: true },
  { heading: "CHANGE" },
  { heading: "BEFORE" },
  { heading: "AFTER" },
];

function table(changes: readonly Change[], units: Units): string {
  const place = (at: Place | undefined) =>
    at === undefined ? "main" : at.slot === 0 ? at.state : `${at.state} ${at.slot}`;
  return formatColumns(
    COLUMNS,
    changes.map(({ first, length, kind, before, after }) => [
      formatPosition(BigInt(first), units),
      formatLength(BigInt(length), units),
      kind,
      place(before),
      place(after),
    ]),
  );
}
