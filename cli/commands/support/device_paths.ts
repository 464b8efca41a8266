// SPDX-License-Identifier: GPL-2.0-only
// Paths for the device numbers that the kernel gives back in a table.
import { join } from "node:path";

/**
 * The usual path of a block device, or the number where there is none (any more).
 *
 * ```ts
 * devicePath("254:0"); // "/dev/vda"
 * ```
 */
export function devicePath(number: string, sysfs = "/sys"): string {
  if (!/^\d+:\d+$/.test(number)) return number;
  const folder = join(sysfs, "dev/block", number);
  const dmName = read(join(folder, "dm/name"));
  if (dmName !== undefined) return `/dev/mapper/${dmName}`;
  const name = /^DEVNAME=(.+)$/m.exec(read(join(folder, "uevent")) ?? "")?.[1];
  return name === undefined ? number : `/dev/${name}`;
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}
