// SPDX-License-Identifier: GPL-2.0-only
// What an administrator should do next, in order of urgency. A pure function of the status.
import type { RemapStatus } from "../../device/status_line.ts";
import type { RemapFeatures } from "../../device/table_line.ts";
import { countOf } from "../../output/units.ts";

/** From here on somebody should think about a larger spare. */
const SPARE_NEARLY_FULL_PERCENT = 80;

/** One sentence a step; empty if nothing needs doing. */
export function adviseOn(name: string, status: RemapStatus, features: RemapFeatures): string[] {
  const advice: string[] = [];
  if (status.mode === "fail" || status.health === "failed") {
    advice.push("the device has failed: copy what can still be read to another disk now");
  }
  if (status.lost > 0n) {
    advice.push(
      `${countOf(status.lost, "sector")} cannot be read: find the files they belong to with ` +
        `\`dmremap-ts entries ${name}\` and write them again from a backup; writing heals them`,
    );
  }
  if (status.spareUsed >= status.spareTotal) {
    advice.push("the spare is full, the next failing sector cannot be moved: replace the disk");
  } else if (status.spareUsedPercent >= SPARE_NEARLY_FULL_PERCENT) {
    advice.push("the spare is nearly full: plan to replace the disk");
  }
  if (status.health === "degraded" || status.health === "critical") {
    advice.push("make sure that the backups are good, and plan to replace the disk");
  }
  if (features.volatile && status.remapped > 0n) {
    advice.push(
      "the table lives in memory only: run " +
        `\`dmremap-ts clear ${name}\` before the device is removed or the machine goes down`,
    );
  }
  return advice;
}
