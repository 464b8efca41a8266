// SPDX-License-Identifier: GPL-2.0-only
// The parts that the results of several commands have in common. Fields may be added: nothing here
// is closed.
import { z } from "zod";

/** An amount: a number as long as every reader keeps it exactly. */
export const count = z.union([z.number().int().nonnegative(), z.string().regex(/^\d{16,}$/)]);
export const percent = z.number().int().min(0).max(100);
export const text = z.string().min(1);
export const time = z.iso.datetime();

/** A document, and its version. */
export function result<T extends z.ZodRawShape>(fields: T): z.ZodObject<T & Version> {
  return z.looseObject({ schema_version: z.literal(1), ...fields }) as z.ZodObject<T & Version>;
}
interface Version {
  readonly schema_version: z.ZodLiteral<1>;
}

/** The `code` of every error is a word that scripts may compare. */
const problem = z.looseObject({
  code: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
  exit_code: z.union([1, 2, 3, 4, 5, 6, 130].map((code) => z.literal(code))),
  device: text.optional(),
  message: text,
  cause: text.optional(),
  cure: text.optional(),
});

/** On stderr, on a line of its own. */
export const ERROR = result({ error: problem });
export const WARNING = result({ warning: z.looseObject({ message: text }) });

/** Of one of several devices. */
export const ownProblem = problem;

/** What `--dry-run` shows: dm's table and messages, programs, or what would be written. */
export const PLAN = result({
  dry_run: z.literal(true),
  device: text.optional(),
  steps: z.array(text).optional(),
  table: text.optional(),
  messages: z.array(text).optional(),
  remove: z.boolean().optional(),
  commands: z.array(z.array(z.string())).optional(),
});

export const span = z.looseObject({ start_sectors: count, length_sectors: count });

export const place = z.looseObject({
  start_sectors: count,
  length_sectors: count,
  state: z.enum(["main", "pending", "remapped", "lost"]),
  spare_start_sectors: count.optional(),
});

export const table = z.looseObject({
  line: z.string().regex(/^0 \d+ remap \d+:\d+ \d+ \d+:\d+ \d+ \d+/),
  start_sectors: count,
  length_sectors: count,
  main: z.string().regex(/^\d+:\d+$/),
  main_path: text,
  main_start_sectors: count,
  spare: z.string().regex(/^\d+:\d+$/),
  spare_path: text,
  spare_start_sectors: count,
  spare_length_sectors: count,
  features: z.looseObject({
    volatile: z.boolean(),
    no_auto_remap: z.boolean(),
    proactive: z.boolean(),
    verify_reads: z.boolean(),
  }),
});

export const health = z.enum(["good", "warning", "degraded", "critical", "failed"]);

export const status = z.looseObject({
  health,
  degraded: z.boolean(),
  remapped_sectors: count,
  lost_sectors: count,
  pending_sectors: count,
  spare_used_sectors: count,
  spare_total_sectors: count,
  spare_used_percent: percent,
  spare_bad_sectors: count,
  write_errors: count,
  read_errors: count,
  verify_errors: count,
  transport_errors: count,
  auto_remaps: count,
  manual_remaps: count,
  scan_progress_percent: percent,
  mode: text,
});
