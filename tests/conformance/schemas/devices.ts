// SPDX-License-Identifier: GPL-2.0-only
// The results of the commands that work on devices.
import { z } from "zod";
import { count, health, percent, place, result, span, status, table, text } from "./common.ts";

const listed = { areas: count, areas_elsewhere: count, listed_sectors: count };

const known = z.looseObject({
  file: text,
  ...listed,
  remapped_sectors: count,
  lost_sectors: count,
  pending_sectors: count,
});

const assembled = z.looseObject({
  // Metadata that cannot be read tells no name.
  name: z.string(),
  state: text,
  error: z.looseObject({ code: text, exit_code: z.number(), message: text }).optional(),
  table: table.optional(),
  health: health.optional(),
  remapped_sectors: count.optional(),
  lost_sectors: count.optional(),
});

const examination = z.looseObject({
  name: text,
  health,
  score: percent,
  conditions: z.array(z.looseObject({ id: text })),
});

const unmapped = result({ name: text, cleared_sectors: count, kept_sectors: count });

const imported = result({
  name: text,
  file: text,
  ...listed,
  remapped_sectors: count,
  lost_sectors: count,
  pending_sectors: count.optional(),
});

const exported = result({
  name: text,
  format: z.enum(["badblocks", "ddrescue"]),
  file: text.optional(),
  listed_sectors: count.optional(),
  areas: z.union([count, z.array(span)]).optional(),
});

const migration = z.looseObject({
  schema_version: z.literal(1),
  name: text,
  state: text,
  progress_percent: percent,
  copied_sectors: count,
  total_sectors: count,
  lost_sectors: count,
  reason: text.optional(),
  spare_path: text.optional(),
  released: z.array(text).optional(),
  lost: z.array(span).optional(),
});

const moved = {
  name: text,
  path: text.optional(),
  new_path: text,
  recovered: z.literal(true).optional(),
  new_start_sectors: count.optional(),
  old_main_path: text.optional(),
  length_sectors: count.optional(),
  copied_sectors: count.optional(),
  passes: count.optional(),
  pause_ms: count.optional(),
  without_content: z.array(span).optional(),
  warnings: z.array(text).optional(),
};

export const DEVICES = {
  "create": result({
    name: text,
    path: text,
    table,
    warnings: z.array(text),
    spare: text,
    known_bad: known.optional(),
  }),
  "assemble": result({ devices: z.array(assembled) }),
  "remove": result({ name: text, removed: z.literal(true) }),
  "list": z.union([
    result({ devices: z.array(z.looseObject({ name: text, table, status })) }),
    result({ names: z.array(text) }),
  ]),
  "status": result({
    devices: z.array(
      status.extend({
        name: text,
        length_sectors: count,
        volatile: z.boolean(),
        advice: z.array(text),
      }),
    ),
  }),
  "health": result({ devices: z.array(examination) }),
  "table": result({ name: text, table }),
  "remap": result({ name: text, remapped_sectors: count, lost_sectors: count }),
  "unmap": unmapped,
  "clear": unmapped,
  "verify": result({ name: text, places: z.array(place) }),
  "entries": result({ name: text, entries: z.array(place) }),
  "scan": result({
    name: text,
    state: z.enum(["idle", "running", "paused", "stopped", "done", "failed"]),
    progress_percent: percent,
    unreadable_sectors: count,
    pending_sectors: count.optional(),
    lost_sectors: count.optional(),
  }),
  "stats": result({
    name: text,
    counters: z.record(z.string(), z.union([count, z.string()])),
    stats: z.looseObject({ extra: z.looseObject({}) }),
  }),
  "import badblocks": imported,
  "import ddrescue": imported,
  "export badblocks": exported,
  "export ddrescue": exported,
  "migrate": migration,
  "replace": result({ ...moved, main_id: text.optional(), status: status.optional() }),
  "evacuate": result(moved),
} as const;
