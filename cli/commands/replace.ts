// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { spansInWords } from "../device/mirror/standstill.ts";
import { RemapDevice } from "../device/remap_device.ts";
import { isDegraded } from "../device/status_line.ts";
import { countOf, formatLength } from "../output/units.ts";
import { type CommandDoc, document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import {
  adviseOnOldMain,
  carryOut,
  type Completed,
  countMissing,
  MAX_PAUSE_OPTION,
  movedFields,
  moveSettings,
  OFFLINE_OPTION,
} from "./support/moving.ts";
import { statusFields } from "./support/present.ts";
import type { Session } from "./support/session.ts";

const DOC: CommandDoc = {
  notes: [
    "The device stays in use, mounted or not: its content is copied while the kernel keeps count of " +
    "what is written to it meanwhile, and what was written is copied again, until so little is left " +
    "that the device can stand still for it, --max-pause seconds at most. Relocated sectors return " +
    "to their places on the new disk. Sectors without content, lost or pending, stay errors until " +
    "they are written; the exit code is 3 then.",
    "Nothing but the new disk is written to before the switch, which is one block on the spare: an " +
    "interrupt, a crash, or a new disk that fails leave the device as it was. docs/replace.md has " +
    "all of it.",
    "NEW_MAIN must be as large as the device at least, have main's block size, and not be in use. " +
    "What it carries is overwritten: a signature is refused without --force.",
  ],
  examples: [
    ["replace r0 /dev/sde", "serve sde in the place of the old main device"],
    ["replace r0 /dev/sde1 --max-pause 2", "but never let I/O wait for more than two seconds"],
    ["replace r0 /dev/sde --offline", "copy in one go, of a device that is not in use"],
    ["replace r0 /dev/sde -n", "show what would be done, do nothing"],
  ],
  exits: [0, 1, 2, 3, 4, 5, 6, 130],
  complete: { new_main: "file" },
};

/** `replace NAME NEW_MAIN` */
export function registerReplace(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("replace")
    .summary("put a new disk in the place of the main device")
    .description(
      "Copies the device NAME to NEW_MAIN, which is its main device from then on. The spare stays.",
    )
    .argument("<name>", "the device")
    .argument("<new_main>", "the block device that takes the place of the main device")
    .option("--main-start <sector>", "first sector of NEW_MAIN that is used", sectorNumber)
    .option(...MAX_PAUSE_OPTION)
    .option(...OFFLINE_OPTION)
    .option("--force", "go on where NEW_MAIN has a signature")
    .action(async (name, target, options) => {
      await session.withDevice(name, async (device) => {
        const completed = await carryOut(session, device, {
          kind: "replace",
          target,
          ...moveSettings(options, options.mainStart),
        });
        if (completed !== undefined) report(session, device, completed);
      });
    });
  document(command, DOC);
}

function report(session: Session, { dm, name }: RemapDevice, completed: Completed): void {
  const { out } = session;
  const { plan, moved } = completed;
  const status = RemapDevice.open(dm, name).status();
  if (isDegraded(status)) session.degraded();
  const length = formatLength(plan.table.length, out.units);
  out.done(
    {
      ...movedFields(completed),
      main_id: plan.targetId === "" ? undefined : plan.targetId,
      status: statusFields(status),
    },
    `/dev/mapper/${name} is served by ${plan.target.path} now: ${length} copied in ` +
      `${countOf(moved.passes, "pass", "passes")}, I/O waited for ${moved.pauseMs} ms`,
  );
  if (moved.missing.length > 0) {
    out.warn(
      `${countOf(countMissing(moved), "sector")} without content: errors until they are written: ` +
        spansInWords(moved.missing),
    );
  }
  if (plan.targetId === "") {
    out.note(
      `${plan.target.path} has no serial number, WWN or partition UUID: \`assemble\` cannot find ` +
        "it by itself, give it --main",
    );
  }
  adviseOnOldMain(session, completed);
}
