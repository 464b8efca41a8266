// SPDX-License-Identifier: GPL-2.0-only
import { type BlockDevice, sysfsOf } from "./block_device.ts";
import { type BusyError, HeldError, MountedError, OverlapError } from "./errors.ts";
import type { System } from "./system.ts";

/** A line of /proc/self/mountinfo, as far as it matters here. */
export interface Mount {
  /** `major:minor`; major 0 for what is on no block device, or on several. */
  readonly number: string;
  readonly mountPoint: string;
  readonly source: string;
}

const EBUSY = 16;
/** Deeper than any stack of drivers that still works. */
const MOST_LAYERS = 16;

/** Mount points and paths in /proc have blanks and the like as octal escapes. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** Reads /proc/self/mountinfo; lines that it cannot read are left out. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const words = line.split(" ");
    const dash = words.indexOf("-", 6);
    const [, , number, , mountPoint] = words;
    const source = words[dash + 2];
    if (dash < 0 || number === undefined || mountPoint === undefined || source === undefined) {
      return [];
    }
    return [{ number, mountPoint: unescapeOctal(mountPoint), source: unescapeOctal(source) }];
  });
}

/** Reads the first column of /proc/swaps. */
export function parseSwaps(text: string): string[] {
  return text.split("\n").slice(1).filter((line) => line !== "")
    .map((line) => unescapeOctal(line.split(/\s/)[0]!));
}

/** What the machine has mounted or swaps to, by device number. */
function usersByNumber(system: System): Map<string, string> {
  const users = new Map<string, string>();
  for (const mount of parseMountinfo(system.read("/proc/self/mountinfo") ?? "")) {
    // btrfs shows a number of its own: the source is what tells.
    const number = mount.number.startsWith("0:")
      ? numberOfNode(mount.source, system)
      : mount.number;
    if (number !== undefined && !users.has(number)) {
      users.set(number, `mounted on ${mount.mountPoint}`);
    }
  }
  for (const path of parseSwaps(system.read("/proc/swaps") ?? "")) {
    const number = numberOfNode(path, system);
    if (number !== undefined) users.set(number, "used as swap space");
  }
  return users;
}

function numberOfNode(path: string, system: System): string | undefined {
  if (!path.startsWith("/")) return undefined;
  try {
    const node = system.stat(path);
    return node?.kind === "block" ? `${node.major}:${node.minor}` : undefined;
  } catch {
    return undefined;
  }
}

/** The kernel's name of a device, e.g. `sda1`; that of a dm device has its dm name with it. */
function nameOf(number: string, system: System): string {
  const directory = sysfsOf(number);
  const real = system.realPath(directory);
  const name = real?.slice(real.lastIndexOf("/") + 1) ?? number;
  const dmName = system.read(`${directory}/dm/name`);
  return dmName === undefined ? name : `${name} (${dmName})`;
}

/** Devices that share sectors with this one: it, its partitions, or the disk it is a part of. */
function relatives(device: BlockDevice, system: System): string[] {
  const directory = sysfsOf(device.number);
  const partitions = system.list(directory).flatMap((name) =>
    system.read(`${directory}/${name}/partition`) === undefined
      ? []
      : [system.read(`${directory}/${name}/dev`) ?? ""]
  );
  return [...new Set([device.number, ...partitions, device.disk])].filter((it) => it !== "");
}

/** Drivers on top of a device, the nearest first, each with those on top of itself. */
function* holders(number: string, system: System, layer = 0): Generator<string> {
  if (layer >= MOST_LAYERS) return;
  const directory = `${sysfsOf(number)}/holders`;
  for (const name of system.list(directory)) {
    const holder = system.read(`${directory}/${name}/dev`);
    if (holder === undefined) continue;
    yield holder;
    yield* holders(holder, system, layer + 1);
  }
}

/**
 * Why a device is in use, if it is: mounted, swapped to or held, itself, by a part of it, through
 * the disk that it is part of, or through drivers stacked on it.
 */
export function findUse(device: BlockDevice, system: System): BusyError | undefined {
  const users = usersByNumber(system);
  let held: string | undefined;
  for (const relative of relatives(device, system)) {
    const isSelf = relative === device.number;
    const subject = isSelf
      ? ""
      : `${relative === device.disk ? "its disk" : "its partition"} ${nameOf(relative, system)} `;
    const use = users.get(relative);
    if (use !== undefined) {
      return mounted(device, `${subject === "" ? "is " : `${subject}is `}${use}`);
    }
    for (const holder of holders(relative, system)) {
      const holderName = nameOf(holder, system);
      const above = users.get(holder);
      const prefix = `${subject === "" ? "is " : `${subject}is `}held by ${holderName}`;
      if (above !== undefined) return mounted(device, `${prefix}, which is ${above}`);
      held ??= prefix;
    }
  }
  if (held === undefined && system.claim(device.node) === EBUSY) {
    held = "is in use: the kernel refuses to let anybody else have it exclusively";
  }
  return held === undefined ? undefined : new HeldError(held, {
    device: device.path,
    cure: "stop what holds it (dmsetup ls --tree, lsblk and /proc/mdstat show it)",
  });
}

/**
 * Refuses a device for what the one of that `number` holds, if it is that very device, or lies on it:
 * nobody else uses it then, but what is written to it is written over what is to be kept.
 * @throws {OverlapError}
 */
export function checkElsewhere(device: BlockDevice, number: string, system: System): void {
  const above = new Set([number, ...holders(number, system)]);
  if (!above.has(device.number) && !above.has(device.disk)) return;
  const isSelf = device.number === number;
  throw new OverlapError(
    isSelf ? "is the device itself" : `lies on the device itself, ${nameOf(number, system)}`,
    { device: device.path, cure: "take another disk" },
  );
}

function mounted(device: BlockDevice, reason: string): MountedError {
  return new MountedError(reason, {
    device: device.path,
    cure: reason.endsWith("swap space") ? "swapoff it first" : "unmount it first",
  });
}
