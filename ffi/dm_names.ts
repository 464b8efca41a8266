// SPDX-License-Identifier: GPL-2.0-only
import { DeviceMapperError } from "./errors.ts";

const EINVAL = 22;
const ENAMETOOLONG = 36;
/** Of the kernel, with the NUL at the end. */
const NAME_SIZE = 128;
/** What libdevmapper, too, leaves as it is. */
const PLAIN = /^[A-Za-z0-9#+\-.:=@_]$/;
const ALREADY_MANGLED = /^(?=.*\\x)(?:[A-Za-z0-9#+\-.:=@_]|\\x[0-9A-Fa-f]{2})*$/;
const MANGLED = /\\x([0-9A-Fa-f]{2})/g;

/**
 * The name as the kernel and /dev/mapper have it: a byte that udev could trip over becomes `\xNN`. A
 * name that reads so already is left alone, so that the name of a node can be given as well.
 */
export function mangle(name: string): string {
  if (ALREADY_MANGLED.test(name)) return name;
  return Array.from(
    new TextEncoder().encode(name),
    (byte) => {
      const character = String.fromCharCode(byte);
      return PLAIN.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
    },
  ).join("");
}

/** Turns the kernel's name back into the user's. */
export function unmangle(name: string): string {
  if (!name.includes("\\x")) return name;
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  for (const match of name.matchAll(MANGLED)) {
    bytes.push(...encoder.encode(name.slice(at, match.index)), parseInt(match[1]!, 16));
    at = match.index + match[0].length;
  }
  bytes.push(...encoder.encode(name.slice(at)));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
}

/** The node of a device. */
export function nodePath(name: string): string {
  return `/dev/mapper/${mangle(name)}`;
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
  if (mangle(name).length >= NAME_SIZE) {
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
