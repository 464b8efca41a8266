// SPDX-License-Identifier: GPL-2.0-only
import { nodePath } from "../../ffi/dm_names.ts";
import { DeviceMapperError } from "../../ffi/errors.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { resolveBlockDevice } from "./block_device.ts";
import type { CreatePlan } from "./create_plan.ts";
import {
  BusyError,
  DeviceNotFoundError,
  HeldError,
  MetadataDamagedError,
  MountedError,
  NameTakenError,
  RefusedError,
  TargetMissingError,
} from "./errors.ts";
import { findUse } from "./in_use.ts";
import { RemapDevice } from "./remap_device.ts";
import { thisSystem } from "./system.ts";
import type { PersistentPlan } from "./spare/prepare.ts";
import { parseFeatureWords, TARGET_TYPE, toTarget } from "./table_line.ts";

export { type CreateOptions, type CreatePlan, planCreate } from "./create_plan.ts";
export {
  type PersistentOptions,
  type PersistentPlan,
  planPersistent,
  prepareSpare,
} from "./spare/prepare.ts";

export interface RemoveDeviceOptions {
  /** Remove although sectors are relocated: a volatile table forgets where they are. */
  readonly force?: boolean;
}

/** Asked before a spare is written to, and again before the device is made. */
export function checkNameFree(dm: DeviceMapper, name: string): void {
  if (dm.info(name) === undefined) return;
  throw new NameTakenError("a dm device of that name exists already", {
    device: name,
    cure: "choose another name, or remove it first",
  });
}

/**
 * Has the name and the feature arguments written to the spare now, rather than at the first
 * checkpoint: a crash before that would leave a table that does not say how it is to be activated.
 */
export async function settle(dm: DeviceMapper, plan: PersistentPlan): Promise<void> {
  const { action, name, table } = plan;
  if (action.kind === "volatile" || plan.readOnly) return;
  if (action.kind === "activate") {
    const { superblock } = action;
    const written = JSON.stringify(parseFeatureWords(superblock.args), plain);
    if (superblock.name === name && written === JSON.stringify(table.features, plain)) return;
  }
  await RemapDevice.open(dm, name).send("save");
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}

/** @throws {NameTakenError | TargetMissingError | BusyError | DeviceMapperError} */
export async function createDevice(dm: DeviceMapper, plan: CreatePlan): Promise<void> {
  checkNameFree(dm, plan.name);
  const options = {
    readOnly: plan.readOnly,
    ...(plan.uuid === undefined ? {} : { uuid: plan.uuid }),
  };
  try {
    await dm.createWithTable(plan.name, [toTarget(plan.table)], options);
  } catch (error) {
    throw explainCreation(error, dm, plan);
  }
}

/** Makes of the kernel's bare errno what the user needs to know. */
function explainCreation(error: unknown, dm: DeviceMapper, plan: CreatePlan): unknown {
  if (!(error instanceof DeviceMapperError)) return error;
  if (error.operation === "create" && error.code === "EBUSY") {
    return new NameTakenError("the name or the UUID is taken by another dm device", {
      device: plan.name,
      cure: "choose another one",
      cause: error,
    });
  }
  if (error.operation === "resume") return explainActivation(error, plan);
  if (error.operation !== "reload") return error;
  if (!dm.versions().some(({ name }) => name === TARGET_TYPE)) {
    return targetMissing(plan.name, error);
  }
  if (error.code === "EBUSY") {
    return new HeldError("the kernel says that main or spare is in use", {
      device: plan.name,
      cure: `unmount or release ${plan.main.path} and ${plan.spare.path}`,
      cause: error,
    });
  }
  return error;
}

/** The metadata is read when the device is resumed for the first time. */
function explainActivation(error: DeviceMapperError, plan: CreatePlan): unknown {
  const refusal = error.kernelLog.map((line) => /metadata on \S+ refused: (.*)$/.exec(line)?.[1])
    .find((reason) => reason !== undefined);
  if (refusal === undefined) return error;
  return new MetadataDamagedError(`the kernel refuses its metadata: ${refusal}`, {
    device: plan.spare.path,
    cure: `\`dmremap-ts meta check ${plan.spare.path}\` says what is wrong, ` +
      "`dmremap-ts meta repair` saves what can be saved",
    cause: error,
  });
}

function targetMissing(device: string, cause: unknown): TargetMissingError {
  return new TargetMissingError("the kernel does not know the remap target", {
    device,
    cure: "load the module with: dmremap-ts kmod load",
    cause,
  });
}

/** @throws {DeviceNotFoundError | TargetMissingError | BusyError | RefusedError} */
export async function removeDevice(
  dm: DeviceMapper,
  name: string,
  options: RemoveDeviceOptions = {},
): Promise<void> {
  const device = RemapDevice.open(dm, name);
  const info = device.info();
  const number = `${info.major}:${info.minor}`;
  const use = info.openCount > 0 ? findUse(resolveBlockDevice(number), thisSystem) : undefined;
  if (use instanceof MountedError) {
    throw new MountedError(use.reason, {
      device: name,
      ...(use.cure === undefined ? {} : { cure: use.cure }),
    });
  }
  if (options.force !== true) {
    const { remapped } = device.status();
    if (remapped > 0n && device.table().features.volatile === true) {
      throw new RefusedError(
        `${remapped} sectors are relocated, and a volatile device forgets them when it goes`,
        { device: name, cure: `move them back first with: dmremap-ts clear ${name}` },
      );
    }
  }
  try {
    // Tried for some seconds: udev may have it open for a moment.
    await dm.remove(name, { retry: true });
  } catch (error) {
    if (!(error instanceof DeviceMapperError)) throw error;
    if (error.code === "ENXIO") throw gone(name, error);
    if (error.code !== "EBUSY") throw error;
    throw new BusyError(use?.reason ?? "somebody has it open", {
      device: name,
      cure: use?.cure ?? `fuser -v ${nodePath(name)} shows who`,
      cause: error,
    });
  }
}

function gone(name: string, cause: unknown): DeviceNotFoundError {
  return new DeviceNotFoundError("it is gone already", { device: name, cause });
}
