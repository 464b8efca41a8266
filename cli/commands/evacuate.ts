// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { spansInWords } from "../device/mirror/standstill.ts";
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
import type { Session } from "./support/session.ts";

const DOC: CommandDoc = {
  notes: [
    "As with `replace`, the device stays in use, mounted or not, and until the switch nothing but " +
    "the new disk is written to. In the end /dev/mapper/NAME is a plain linear device over " +
    "NEW_DISK, until the next reboot or until it is removed (dmsetup remove NAME): use NEW_DISK " +
    "itself from then on. The spare says that its table is not used any more; `create --format` " +
    "takes it for something else.",
    "Sectors without content, lost or pending, would read as zeroes afterwards, and nobody would " +
    "know: this is refused without --accept-lost, which says which ones they are.",
    "NEW_DISK must be as large as the device at least, have blocks that are not larger than main's, " +
    "and not be in use. What it carries is overwritten: a signature is refused without --force.",
  ],
  examples: [
    ["evacuate r0 /dev/sde", "bring everything to sde, then do without the layer"],
    ["evacuate r0 /dev/sde --accept-lost", "go although some sectors have no content"],
    ["evacuate r0 /dev/sde -n", "show what would be done, do nothing"],
  ],
  exits: [0, 1, 2, 3, 4, 5, 6, 130],
  complete: { new_disk: "file" },
};

/** `evacuate NAME NEW_DISK` */
export function registerEvacuate(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("evacuate")
    .summary("bring everything to a healthy disk, and do without the layer")
    .description(
      "Copies the device NAME to NEW_DISK, which takes its place. Main and spare are not used " +
        "from then on.",
    )
    .argument("<name>", "the device")
    .argument("<new_disk>", "the block device that everything is brought to")
    .option("--start <sector>", "first sector of NEW_DISK that is used", sectorNumber)
    .option(...MAX_PAUSE_OPTION)
    .option(...OFFLINE_OPTION)
    .option("--accept-lost", "go although there are sectors without content")
    .option("--force", "go on where NEW_DISK has a signature")
    .action(async (name, target, options) => {
      await session.withDevice(name, async (device) => {
        const completed = await carryOut(session, device, {
          kind: "evacuate",
          target,
          ...moveSettings(options, options.start),
          ...options.acceptLost === undefined ? {} : { acceptLost: true },
        });
        if (completed !== undefined) report(session, completed);
      });
    });
  document(command, DOC);
}

function report(session: Session, completed: Completed): void {
  const { out } = session;
  const { plan, moved } = completed;
  if (moved.missing.length > 0) session.degraded();
  const length = formatLength(plan.table.length, out.units);
  out.done(
    movedFields(completed),
    `/dev/mapper/${plan.name} is ${plan.target.path} now, without the layer: ${length} copied in ` +
      `${countOf(moved.passes, "pass", "passes")}, I/O waited for ${moved.pauseMs} ms`,
  );
  if (moved.missing.length > 0) {
    out.warn(
      `${countOf(countMissing(moved), "sector")} had no content, and read as zeroes: ` +
        spansInWords(moved.missing),
    );
  }
  adviseOnOldMain(session, completed);
}
