// SPDX-License-Identifier: GPL-2.0-only
// New tables for a device that is in use.
import type { DeviceMapper, TargetSpec } from "../../ffi/libdevmapper.ts";
import { swapTable } from "./mapped.ts";
import type { Rig } from "./rig.ts";
import { inBackground } from "./tasks.ts";

/** The rig's table with other words in it. */
export function changedTable(rig: Rig, change: (words: string[]) => void): TargetSpec {
  const words = rig.table.params.split(" ");
  change(words);
  return { ...rig.table, params: words.join(" ") };
}

/** The same table again and again, while everything is written to and sectors move. */
export async function reloadUnderLoad(
  dm: DeviceMapper,
  rig: Rig,
  { writers, rounds }: { readonly writers: number; readonly rounds: number },
): Promise<void> {
  let running = true;
  const write = async (writer: number) => {
    for (let round = 0; running; round++) await rig.write(512 * writer + 8 * (round % 64), 8);
  };
  const writing = inBackground(Array.from({ length: writers }, (_, writer) => write(writer)));
  try {
    for (let round = 0; round < rounds; round++) {
      await swapTable(dm, rig.name, [rig.table]);
      await rig.send(`${round % 2 === 0 ? "unmap" : "remap"} ${150 + round} 40`);
    }
  } finally {
    running = false;
    await writing;
  }
  await rig.check("content after reloads under load");
}
