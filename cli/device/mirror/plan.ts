// SPDX-License-Identifier: GPL-2.0-only
// What has to be so before a device's content can go to another disk.
import { type BlockDevice, resolveBlockDevice } from "../block_device.ts";
import {
  BlockSizeError,
  BusyError,
  type DeviceError,
  PermissionError,
  RefusedError,
  SignatureError,
  TooSmallError,
} from "../errors.ts";
import { identityOf } from "../identity.ts";
import { checkElsewhere, findUse, parseSwaps } from "../in_use.ts";
import type { RemapDevice } from "../remap_device.ts";
import { type System, thisSystem } from "../system.ts";
import { nodePath } from "../../../ffi/dm_names.ts";
import { SystemError } from "../../../ffi/errors.ts";
import type { Move } from "./move.ts";

/** What the user asks for. */
export interface MoveRequest {
  readonly kind: Move["kind"];
  /** Path of the new disk. */
  readonly target: string;
  readonly targetStart?: bigint;
  readonly force?: boolean;
  readonly acceptLost?: boolean;
  readonly maxPauseMs: number;
  readonly offline?: boolean;
}

export interface MovePlan extends Move {
  /** What `force` goes over. */
  readonly warnings: readonly string[];
}

/** @throws {DeviceError} */
export function planMove(
  device: RemapDevice,
  request: MoveRequest,
  system: System = thisSystem,
): MovePlan {
  const { name } = device;
  const table = device.table();
  checkSource(device, request);
  checkNoSwap(device, system);
  const main = resolveBlockDevice(table.main, system);
  const spare = resolveBlockDevice(table.spare, system);
  const target = resolveBlockDevice(request.target, system);
  const start = request.targetStart ?? 0n;
  // Two users of one disk are never right, whatever the force; a signature may be old.
  const use = findUse(target, system);
  if (use !== undefined) throw use;
  const { major, minor } = device.info();
  checkElsewhere(target, `${major}:${minor}`, system);
  checkTarget(target, start, table.length, main, request.kind);
  const signature = signatureOf(target, system);
  if (signature !== undefined && request.force !== true) throw signature;
  const warnings = signature === undefined ? [] : [`${target.path}: ${signature.reason}`];
  return {
    kind: request.kind,
    name,
    table,
    main,
    spare,
    target,
    targetStart: Number(start),
    targetId: identityOf(target, system) ?? "",
    acceptLost: request.acceptLost ?? false,
    maxPauseMs: request.maxPauseMs,
    offline: request.offline ?? false,
    warnings,
  };
}

function checkSource(device: RemapDevice, { kind, offline, acceptLost }: MoveRequest): void {
  const { name } = device;
  const info = device.info();
  const table = device.table();
  const status = device.status();
  const refuse = (reason: string, cure: string) => new RefusedError(reason, { device: name, cure });
  if (table.features.volatile === true) {
    throw refuse(
      "is volatile: only the kernel knows its table, and a crash would leave neither disk whole",
      `move its sectors back with dmremap-ts clear ${name}, remove it, and create it without ` +
        "--volatile",
    );
  }
  if (info.targetCount !== 1 || table.start !== 0n) {
    throw refuse("has a table of several lines", "only devices made by this tool can be moved");
  }
  if (info.readOnly) throw refuse("is read-only", "create it again without --read-only");
  if (info.suspended) {
    throw new BusyError("is suspended", { device: name, cure: `dmsetup resume ${name}` });
  }
  if (status.migration === "running") {
    throw new BusyError("its spare is being migrated", {
      device: name,
      cure: `wait for the end, or stop it with: dmremap-ts migrate ${name} --cancel`,
    });
  }
  if (status.mode !== "rw") {
    throw refuse(
      "cannot write its table any more, which is where the switch is recorded",
      `\`dmremap-ts health ${name}\` says why; first save the spare: docs/emergency-spare.md`,
    );
  }
  if (offline === true && info.openCount > 0) {
    throw new BusyError("is in use; --offline is for a device that is not", {
      device: name,
      cure: "unmount it, or leave --offline away",
    });
  }
  if (kind === "evacuate" && acceptLost !== true && status.lost > 0n) {
    throw refuse(
      `${status.lost} sectors have no content, and without the layer nobody would know`,
      `dmremap-ts entries ${name} shows them; write them, or give --accept-lost: they read as ` +
        "zeroes then; or `replace`, which keeps them as errors",
    );
  }
}

/** This program's own memory may be there, and out of reach while the device stands still. */
function checkNoSwap(device: RemapDevice, system: System): void {
  const { major, minor } = device.info();
  const isSwap = parseSwaps(system.read("/proc/swaps") ?? "").some((path) => {
    const node = system.stat(path);
    return node?.kind === "block" && node.major === major && node.minor === minor;
  });
  if (!isSwap) return;
  throw new BusyError("is used as swap space", {
    device: device.name,
    cure: `swapoff ${nodePath(device.name)} first; it may stay mounted where it is a file system`,
  });
}

function checkTarget(
  target: BlockDevice,
  start: bigint,
  length: bigint,
  main: BlockDevice,
  kind: Move["kind"],
): void {
  const unit = main.logicalBlockSectors;
  const theirs = target.logicalBlockSectors;
  if (theirs > unit || kind === "replace" && theirs !== unit) {
    throw new BlockSizeError(
      `has logical blocks of ${theirs * 512n} bytes, ${main.path} has them of ${unit * 512n}`,
      {
        device: target.path,
        cure: "take a disk with the same block size; what lies on the device depends on it",
      },
    );
  }
  if (start % unit !== 0n) {
    throw new BlockSizeError(`sector ${start} is inside a logical block`, {
      device: target.path,
      cure: `use multiples of ${unit} sectors`,
    });
  }
  if (start + length > target.sizeSectors) {
    throw new TooSmallError(
      `has ${target.sizeSectors} sectors, ${start === 0n ? "" : `${start} + `}${length} are needed`,
      { device: target.path, cure: "take a larger disk" },
    );
  }
  if (target.readOnly) {
    throw new RefusedError("is read-only", {
      device: target.path,
      cure: "set it writable with blockdev --setrw, or take another disk",
    });
  }
}

function signatureOf(target: BlockDevice, system: System): DeviceError | undefined {
  try {
    const found = system.probe(target.node);
    if (found === undefined) return undefined;
    const what = found.ambivalent ? "several signatures" : "a signature";
    return new SignatureError(`carries ${what}: ${found.type}; it would be overwritten`, {
      device: target.path,
      cure: `if it is of no use any more, --force or wipefs --all ${target.node}`,
    });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.code === "EACCES" || error.code === "EPERM") {
      throw new PermissionError("no permission to read it", {
        device: target.path,
        cure: "run as root",
        cause: error,
      });
    }
    throw new RefusedError(`cannot be read: ${error.message}`, {
      device: target.path,
      cure: "take another disk",
      cause: error,
    });
  }
}
