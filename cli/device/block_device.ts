// SPDX-License-Identifier: GPL-2.0-only

export interface BlockDevice {
  /** As the user wrote it. */
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  /** `major:minor`, as it goes into a table. */
  readonly number: string;
  readonly sizeSectors: bigint;
  /** Sectors in a logical block, 1 or 8 mostly. */
  readonly logicalBlockSectors: bigint;
  readonly readOnly: boolean;
}

/**
 * Looks up a block device by its path, or by `major:minor`.
 * @throws {DeviceNotFoundError | NotBlockDeviceError | PermissionError}
 */
export declare function resolveBlockDevice(path: string): BlockDevice;
