// SPDX-License-Identifier: GPL-2.0-only
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { BlockDevice } from "./block_device.ts";
import type { RemapFeatures, RemapTable } from "./table_line.ts";

export interface CreateOptions {
  readonly name: string;
  /** Paths of block devices. */
  readonly main: string;
  readonly spare: string;
  /** Sectors; the whole of both devices unless given. */
  readonly mainStart?: bigint;
  readonly length?: bigint;
  readonly spareStart?: bigint;
  readonly spareLength?: bigint;
  readonly features: RemapFeatures;
  readonly uuid?: string;
  readonly readOnly?: boolean;
  /** Go on where main is mounted or held, or the spare carries a signature: each a warning then. */
  readonly force?: boolean;
}
export interface CreatePlan {
  readonly name: string;
  readonly table: RemapTable;
  /** The table line as `dmsetup create` would take it. */
  readonly line: string;
  readonly main: BlockDevice;
  readonly spare: BlockDevice;
  readonly uuid?: string;
  readonly readOnly: boolean;
  /** What `force` went over, and other remarks for the user. */
  readonly warnings: readonly string[];
}
export interface RemoveDeviceOptions {
  /** Remove although sectors are relocated: a volatile table forgets where they are. */
  readonly force?: boolean;
}

/**
 * Checks everything that can be checked before the kernel is asked. Needs no device mapper.
 * @throws {DeviceError} a refusal, of the class that says why
 */
export declare function planCreate(options: CreateOptions): Promise<CreatePlan>;
/** @throws {NameTakenError | TargetMissingError | BusyError | DeviceMapperError} */
export declare function createDevice(dm: DeviceMapper, plan: CreatePlan): Promise<void>;
/** @throws {DeviceNotFoundError | TargetMissingError | BusyError | RefusedError} */
export declare function removeDevice(
  dm: DeviceMapper,
  name: string,
  options?: RemoveDeviceOptions,
): Promise<void>;
