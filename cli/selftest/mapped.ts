// SPDX-License-Identifier: GPL-2.0-only
// Device-mapper devices that last as long as their scope.
import type { DeviceMapper, TargetSpec } from "../../ffi/libdevmapper.ts";
import type { Scope } from "./scope.ts";

export interface MappedDevice {
  readonly name: string;
  readonly path: string;
}

let made = 0;

/** A name that nobody else uses, and that says whose it is. */
function freshName(purpose: string): string {
  return `dmremap-selftest-${Deno.pid}-${purpose}${made++}`;
}

/** Creates a device; the scope removes it, suspended or not. */
export async function makeMapped(
  scope: Scope,
  dm: DeviceMapper,
  purpose: string,
  targets: readonly TargetSpec[],
  options: { readonly readOnly?: boolean } = {},
): Promise<MappedDevice> {
  const name = freshName(purpose);
  await dm.createWithTable(name, targets, options);
  scope.defer(name, () => removeIfThere(dm, name));
  return { name, path: `/dev/mapper/${name}` };
}

async function removeIfThere(dm: DeviceMapper, name: string): Promise<void> {
  const info = dm.info(name);
  if (info === undefined) return;
  // I/O that waits for the end of a suspend would keep the device open for ever.
  if (info.suspended && info.liveTable) {
    await dm.clear(name);
    await dm.resume(name);
  }
  await dm.remove(name, { retry: true });
}

/** Puts another table to work in place of the present one. */
export async function swapTable(
  dm: DeviceMapper,
  name: string,
  targets: readonly TargetSpec[],
): Promise<void> {
  await dm.reload(name, targets);
  await dm.suspend(name);
  await dm.resume(name);
}

/** A table line of another target. */
export function target(type: string, start: number, length: number, params = ""): TargetSpec {
  return { start: BigInt(start), length: BigInt(length), type, params };
}

/**
 * A linear table over a disk that gives errors in some of its sectors.
 * @param bad ranges in ascending order
 */
export function faultyTable(
  disk: string,
  sectors: number,
  bad: readonly { readonly first: number; readonly count: number }[],
): TargetSpec[] {
  const targets: TargetSpec[] = [];
  let at = 0;
  for (const { first, count } of bad) {
    if (first > at) targets.push(target("linear", at, first - at, `${disk} ${at}`));
    targets.push(target("error", first, count));
    at = first + count;
  }
  if (at < sectors) targets.push(target("linear", at, sectors - at, `${disk} ${at}`));
  return targets;
}
