// SPDX-License-Identifier: GPL-2.0-only
// Tables come and go while a device stands still.
import { DeviceMapperError } from "../../../ffi/errors.ts";
import type { DeviceMapper, TargetSpec } from "../../../ffi/libdevmapper.ts";

/** A disk that was written to is looked at by udev for a moment. */
const BUSY_TRIES = 100;
const BUSY_DELAY_MS = 100;

/** Loads a table into the inactive slot; waits for those who have a disk of it open just now. */
export async function loadTable(
  dm: DeviceMapper,
  name: string,
  lines: readonly TargetSpec[],
): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      return await dm.reload(name, lines);
    } catch (error) {
      // The kernel's log speaks of the target where it is the target that refuses.
      const busy = error instanceof DeviceMapperError && error.code === "EBUSY" &&
        error.kernelLog.every((line) => !line.includes("remap"));
      if (!busy || tries === BUSY_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BUSY_DELAY_MS));
    }
  }
}

/**
 * Gives a device that is served by `plain` lines its remap line. If that cannot be, it goes on with
 * the plain lines.
 */
export async function putLayerOn(
  dm: DeviceMapper,
  name: string,
  line: TargetSpec,
  plain: readonly TargetSpec[],
): Promise<void> {
  await dm.suspend(name, { skipLockfs: true });
  try {
    await loadTable(dm, name, [line]);
    await dm.resume(name);
  } catch (error) {
    await loadTable(dm, name, plain);
    await dm.resume(name);
    throw error;
  }
}
