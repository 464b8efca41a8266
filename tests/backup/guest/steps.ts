// SPDX-License-Identifier: GPL-2.0-only
// In this order: each step goes on where the one before it has left off.
import { BACKUP_STEPS } from "./backup_steps.ts";
import { CRON_STEPS } from "./cron_steps.ts";
import { SNAPSHOT_STEPS } from "./snapshot_steps.ts";

for (const [name, step] of [...SNAPSHOT_STEPS, ...BACKUP_STEPS, ...CRON_STEPS]) {
  Deno.test(name, step);
}
