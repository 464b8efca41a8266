// SPDX-License-Identifier: GPL-2.0-only
// The results of the commands about metadata and snapshots.
import { z } from "zod";
import { count, ownProblem, result, span, text, time } from "./common.ts";

const counts = {
  entries: count,
  remapped_sectors: count,
  lost_sectors: count,
  pending_sectors: count,
};
const tableCounts = { ...counts, bad_sectors: count };

const superblock = z.looseObject({
  uuid: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  name: z.string(),
  main_id: z.string(),
  args: z.string(),
  generation: count,
  sequence: count,
  block_sectors: count,
  main_start_sectors: count,
  main_sectors: count,
  spare_start_sectors: count,
  spare_sectors: count,
  ...tableCounts,
});

const loss = z.looseObject({ code: text, message: text, ranges: z.array(span) });

/** As an export has it. */
export const stored = z.looseObject({
  device: z.string(),
  taken_at: time,
  reason: z.string(),
  source: z.enum(["live", "offline"]),
  health: z.string(),
  generation: count,
  ...counts,
  bad_slots_sectors: count,
  with_data: z.boolean(),
  data_bytes: count,
  host: z.string(),
  tool_version: text,
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  seal: z.string().regex(/^[0-9a-f]{64}$/),
  identity: z.looseObject({ length_sectors: count, spare_length_sectors: count }),
  counters: z.record(z.string(), count),
});

/** As this store has it. */
const snapshot = stored.extend({ id: count, device_id: count });

const entry = z.looseObject({
  start_sectors: count,
  length_sectors: count,
  state: text,
  slot_sectors: count.optional(),
});

const outcome = z.looseObject({
  name: text,
  state: z.enum(["taken", "planned", "failed"]),
  snapshot: snapshot.optional(),
  error: ownProblem.optional(),
});

const named = z.looseObject({ id: count, device: z.string(), taken_at: time });
const pruned = {
  kept: z.array(named.extend({ reasons: z.array(text) })),
  removed: z.array(named),
  freed_bytes: count,
};

const side = z.looseObject({ device: z.string(), generation: count });
const at = z.looseObject({ state: text, slot_sectors: count.optional() });

export const SPARES = {
  "meta check": result({
    device: text,
    sound: z.boolean(),
    ...tableCounts,
    problems: z.array(z.looseObject({ code: text, where: text, message: text, cure: text })),
    notes: z.array(text),
    superblock: superblock.optional(),
  }),
  "meta dump": result({
    superblock,
    extents: z.array(z.looseObject({
      state: text,
      start_sectors: count.optional(),
      length_sectors: count,
      slot_sectors: count.optional(),
    })),
  }),
  "meta restore": result({
    device: text,
    uuid: text,
    ...tableCounts,
    overwritten: z.string().nullable(),
    notes: z.array(text),
  }),
  "meta repair": result({
    device: text,
    repaired: z.boolean(),
    ...tableCounts,
    losses: z.array(loss),
    sources: z.array(text).optional(),
  }),
  "snapshot take": result({ store: text, devices: z.array(outcome) }),
  "snapshot list": result({ store: text, snapshots: z.array(snapshot) }),
  "snapshot show": result({
    snapshot,
    entries: z.array(entry).optional(),
    bad_slots: z.array(z.looseObject({ slot_sectors: count, length_sectors: count })).optional(),
  }),
  "snapshot diff": result({
    before: side,
    after: side,
    equal: z.boolean(),
    summary: z.looseObject({}),
    changes: z.array(entry.omit({ state: true }).extend({ change: text, before: at, after: at })),
  }),
  "snapshot restore": result({
    snapshot,
    target: z.looseObject({
      path: text,
      spare_start_sectors: count,
      spare_length_sectors: count,
      entries: count,
    }),
    main: z.looseObject({ path: text, identified: z.boolean() }).nullable(),
    known_by: z.array(z.looseObject({ kind: text, certainly_newer: z.boolean() })),
    restored_sectors: count,
    kept_sectors: count,
    lost_sectors: count,
    pending_sectors: count,
    main_sectors: count,
    sectors: z.array(z.looseObject({ start_sectors: count, length_sectors: count, becomes: text })),
    warnings: z.array(text),
    remarks: z.array(text),
  }),
  "snapshot export": z.union([
    result({ file: text, format: z.enum(["json", "sqlite"]), snapshots: z.array(count) }),
    // To stdout: the snapshot itself.
    result({ kind: text, snapshot: stored, entries: z.array(entry) }),
  ]),
  "snapshot import": result({
    file: text,
    store: text,
    snapshots: z.array(snapshot.extend({ new: z.boolean() })),
  }),
  "snapshot prune": result({ store: text, ...pruned }),
  "snapshot check": result({
    store: text,
    sound: z.boolean(),
    snapshots: count.optional(),
    entries: count.optional(),
    data_bytes: count.optional(),
    findings: z.array(z.looseObject({ code: text, message: text })),
  }),
  "backup": result({
    store: text,
    exit_code: z.number().int(),
    duration_ms: count,
    devices: z.array(outcome),
  }),
} as const;
