// SPDX-License-Identifier: GPL-2.0-only
//
// A run that ends right behind the switch, before the device has its new table.
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { Mover } from "../../cli/device/mirror/move.ts";
import { planMove } from "../../cli/device/mirror/plan.ts";
import { checkEqual } from "../../cli/selftest/check.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { Scene } from "./scene.ts";
import { tool } from "./tool.ts";

class Killed extends Error {}

/** A device mapper that nothing comes through to any more, from one load of a table on. */
function dyingAt(load: number, dm: DeviceMapper): DeviceMapper {
  let loads = 0;
  return new Proxy(dm, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return (...words: unknown[]) => {
        if (key === "reload") loads++;
        if (loads >= load) throw new Killed();
        return value.apply(target, words);
      };
    },
  });
}

/** A table that is tried, then one of errors, then the switch; then there would be the table. */
const BEHIND_THE_SWITCH = 3;

export async function killedAfterSwitch({ dm }: Scene, target: string): Promise<void> {
  const device = RemapDevice.open(dm, "r0");
  const request = { kind: "replace", target, maxPauseMs: 10_000, offline: true } as const;
  const watch = { signal: new AbortController().signal, hold() {}, progress() {} };
  const mover = new Mover(dyingAt(BEHIND_THE_SWITCH, dm), planMove(device, request), watch);
  const error: unknown = await mover.run(1).then(() => "done", (reason: unknown) => reason);
  if (!(error instanceof Error && error.cause instanceof Killed)) throw error;
  const { suspended, inactiveTable } = device.info();
  checkEqual("suspended, second table", [suspended, inactiveTable], [true, true]);
  const other = await tool(1, "replace", "r0", "/dev/lab/spare", "--yes");
  checkEqual("the wrong disk is refused", /switched it to another disk/.test(other.err), true);
  await tool(0, "replace", "r0", target, "--yes");
  checkEqual("goes on", device.info().suspended, false);
}
