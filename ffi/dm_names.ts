// SPDX-License-Identifier: GPL-2.0-only
import { DeviceMapperError } from "./errors.ts";

const EINVAL = 22;
const ENAMETOOLONG = 36;
/** Of the kernel, with the NUL at the end. */
const NAME_SIZE = 128;
/** Characters that libdevmapper leaves as they are; any other byte becomes `\xNN` in the kernel. */
const PLAIN = /^[A-Za-z0-9#+\-.:=@_]$/;
const MANGLED = /\\x([0-9A-Fa-f]{2})/g;

/** How many bytes of a name the kernel sees. */
function mangledLength(name: string): number {
  // libdevmapper takes a name that has `\xNN` in it for mangled already.
  const rest = name.replace(MANGLED, "____");
  let length = 0;
  for (const character of rest) {
    length += PLAIN.test(character) ? 1 : 4 * new TextEncoder().encode(character).length;
  }
  return length;
}

/**
 * Refuses a name that cannot be a device's. libdevmapper would look up a name with a slash as a path,
 * and cut one at its NUL.
 * @throws {DeviceMapperError}
 */
export function checkDeviceName(operation: string, name: string): void {
  const refuse = (errno: number, reason: string) => {
    throw new DeviceMapperError(operation, name, errno, { reason });
  };
  if (name === "") refuse(EINVAL, "the name is empty");
  if (name === "." || name === ".." || name === "control") {
    refuse(EINVAL, "the name is taken by /dev/mapper itself");
  }
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[/\x00-\x1f\x7f]/.test(name)) {
    refuse(EINVAL, "a name has no slashes and no control characters");
  }
  if (mangledLength(name) >= NAME_SIZE) {
    refuse(ENAMETOOLONG, `the name is longer than the kernel's ${NAME_SIZE - 1} bytes`);
  }
}

/** Splits a device number as the kernel's ioctls carry it. */
export function splitDeviceNumber(device: bigint): { major: number; minor: number } {
  const number = BigInt.asUintN(32, device);
  return {
    major: Number((number >> 8n) & 0xfffn),
    minor: Number((number & 0xffn) | ((number >> 12n) & 0xfff00n)),
  };
}
