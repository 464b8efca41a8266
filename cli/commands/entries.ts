// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Place } from "../device/messages.ts";
import type { RemapDevice } from "../device/remap_device.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber, wholeNumber } from "./support/integers.ts";
import { PLACE_COLUMNS, placeFields, placeRow } from "./support/present.ts";
import type { Session } from "./support/session.ts";

interface Window {
  readonly from?: bigint;
  readonly max?: bigint;
}

/** `entries NAME` */
export function registerEntries(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("entries")
    .summary("list the relocated sectors")
    .description("Prints the table of relocated and pending sectors in order.")
    .argument("<name>", "the device")
    .option("--from <sector>", "start at this sector", sectorNumber)
    .option("--max <n>", "print at most so many lines", wholeNumber())
    .action(async (name, window) => {
      await session.withDevice(name, (device) => print(session, device, window));
    });
  document(command, {
    examples: [
      ["entries r0", "the whole table"],
      ["entries r0 --from 2048 --max 100", "a part of it"],
      ["entries r0 --json", "for a script"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}

async function print(session: Session, device: RemapDevice, window: Window): Promise<void> {
  const { out } = session;
  if (out.json) {
    const entries = await Array.fromAsync(take(device, window), placeFields);
    return out.result({ name: device.name, entries }, () => "");
  }
  // A table may have millions of lines: they are printed as they come, in columns of fixed width.
  out.line(row(PLACE_COLUMNS.map((column) => column.heading)));
  for await (const place of take(device, window)) out.line(row(placeRow(place, out.units)));
}

async function* take(device: RemapDevice, window: Window): AsyncGenerator<Place> {
  let left = window.max ?? 2n ** 63n;
  if (left === 0n) return;
  for await (
    const place of device.entries(window.from === undefined ? {} : { from: window.from })
  ) {
    yield place;
    if (--left === 0n) return;
  }
}

function row([start = "", length = "", state = "", spare = ""]: readonly string[]): string {
  return `${start.padStart(12)}  ${length.padStart(12)}  ${state.padEnd(8)}  ${spare.padStart(12)}`;
}
