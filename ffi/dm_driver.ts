// SPDX-License-Identifier: GPL-2.0-only
import { NoDeviceMapperError, SystemError } from "./errors.ts";
import { FileDescriptor, O_RDWR } from "./libc.ts";

/** The device mapper's own device. */
export const CONTROL_PATH = "/dev/mapper/control";
const MISC_PATH = "/proc/misc";
const EACCES = 13;
const ENODEV = 19;
const ENOENT = 2;

/** Whether /proc/misc has a line for the device mapper. */
export function listsDeviceMapper(misc: string): boolean {
  return /^\s*\d+\s+device-mapper$/m.test(misc);
}

/**
 * Looks for the driver before libdevmapper does: where there is none, the library makes a control
 * node that nobody answers and leaves it behind. Opening an existing node loads the driver.
 * @throws {NoDeviceMapperError}
 */
export function requireDriver(operation: string, device: string): void {
  let errno = 0;
  try {
    FileDescriptor.open(CONTROL_PATH, O_RDWR)[Symbol.dispose]();
    return;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    errno = error.errno;
  }
  if (errno === EACCES) {
    throw new NoDeviceMapperError(operation, device, EACCES, {
      reason: `no permission to open ${CONTROL_PATH}: run as root`,
    });
  }
  // Without udev the node may be missing although the driver is there: then the library makes it.
  if (errno === ENOENT && listsDeviceMapper(readMisc())) return;
  throw new NoDeviceMapperError(operation, device, ENODEV, {
    reason: "this kernel has no device mapper: load it with modprobe dm_mod, " +
      "or boot a kernel that has it",
  });
}

function readMisc(): string {
  try {
    return Deno.readTextFileSync(MISC_PATH);
  } catch {
    return "";
  }
}
