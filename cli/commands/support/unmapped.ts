// SPDX-License-Identifier: GPL-2.0-only
// What `unmap` and `clear` tell alike.
import type { UnmapResult } from "../../device/messages.ts";
import { EXIT } from "../../output/exit_codes.ts";
import { countOf } from "../../output/units.ts";
import { amount } from "./present.ts";
import type { Session } from "./session.ts";

/** Of the help. */
export const KEPT_NOTE =
  "A sector that main refuses, or whose content is lost, stays relocated; the exit code is 1 " +
  "then, and the message says how many stayed.";

/** Says what went back to main; sectors that stayed make the command a failure. */
export function reportUnmapped(session: Session, name: string, result: UnmapResult): void {
  const { out } = session;
  out.done(
    { name, cleared_sectors: result.cleared, kept_sectors: result.kept },
    `${amount(result.cleared, out.units)} of ${name} no longer relocated`,
  );
  if (result.kept === 0n) return;
  out.warn(
    `${countOf(result.kept, "sector")} of ${name} kept on the spare: main refuses them, or their ` +
      "content is lost; write lost ones again, or use --force to drop them as they are",
  );
  session.exitCode = EXIT.failed;
}
