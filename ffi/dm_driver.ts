// SPDX-License-Identifier: GPL-2.0-only
import { NoDeviceMapperError, SystemError } from "./errors.ts";
import { FileDescriptor, O_RDWR } from "./libc.ts";

const DIRECTORY = "/dev/mapper";
/** The device mapper's own device. */
export const CONTROL_PATH = `${DIRECTORY}/control`;
const EACCES = 13;
const EPERM = 1;
const ENODEV = 19;
const ENOENT = 2;

/** What opening the control device gives: its errno, or 0. Opening it loads the driver. */
function tryControl(): number {
  try {
    FileDescriptor.open(CONTROL_PATH, O_RDWR)[Symbol.dispose]();
    return 0;
  } catch (error) {
    if (error instanceof SystemError) return error.errno;
    throw error;
  }
}

function noDriver(operation: string, device: string, cause?: unknown): NoDeviceMapperError {
  return new NoDeviceMapperError(operation, device, ENODEV, {
    reason: "this kernel has no device mapper: load it with modprobe dm_mod, " +
      "or boot a kernel that has it",
    cause,
  });
}

/**
 * Makes sure that the driver is there before libdevmapper is asked for anything else.
 *
 * @param first asks libdevmapper for something; it makes the control device where udev did not
 * @throws {NoDeviceMapperError}
 */
export function requireDriver(operation: string, device: string, first: () => void): void {
  const errno = tryControl();
  if (errno === EACCES || errno === EPERM) {
    throw new NoDeviceMapperError(operation, device, errno, {
      reason: `no permission to open ${CONTROL_PATH}: run as root`,
    });
  }
  if (errno !== 0 && errno !== ENOENT) throw noDriver(operation, device);
  const hadDirectory = errno === 0 || exists(DIRECTORY);
  try {
    first();
  } catch (error) {
    if (!(error instanceof NoDeviceMapperError)) throw error;
    // Where no driver answers, the library leaves a node behind that leads nowhere.
    if (errno === ENOENT) {
      removeIfThere(CONTROL_PATH);
      if (!hadDirectory) removeIfThere(DIRECTORY);
    }
    throw noDriver(operation, device, error);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
