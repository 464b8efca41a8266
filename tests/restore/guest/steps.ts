// SPDX-License-Identifier: GPL-2.0-only
// In this order: each step goes on where the one before it has left off.
import { LOST_STEPS } from "./lost_steps.ts";
import { OLD_SPARE_STEPS } from "./old_spare_steps.ts";

for (const [name, step] of [...LOST_STEPS, ...OLD_SPARE_STEPS]) Deno.test(name, step);
