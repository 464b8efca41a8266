// SPDX-License-Identifier: GPL-2.0-only

/** What every error of this folder says: which device, what is wrong, how to go on. */
export interface DeviceErrorOptions extends ErrorOptions {
  /** A path or a dm name. */
  readonly device?: string;
  /** What to do about it, a phrase that follows a semicolon. */
  readonly cure?: string;
}

/** Base of the errors of `cli/device`. The text names device, reason and cure. */
export abstract class DeviceError extends Error {
  readonly device: string | undefined;
  readonly reason: string;
  readonly cure: string | undefined;

  constructor(reason: string, options: DeviceErrorOptions = {}) {
    const subject = options.device === undefined ? "" : `${options.device}: `;
    const cure = options.cure === undefined ? "" : `; ${options.cure}`;
    super(`${subject}${reason}${cure}`, options);
    this.name = new.target.name;
    this.device = options.device;
    this.reason = reason;
    this.cure = options.cure;
  }
}

/** Something the user wrote cannot be meant: a sector list, a size, a name. */
export class UsageError extends DeviceError {}

/** The device is in use. */
export class BusyError extends DeviceError {}
/** The device, a partition of it or something stacked on it is mounted or used for swap. */
export class MountedError extends BusyError {}
/** Another driver holds the device: dm, md, bcache... */
export class HeldError extends BusyError {}
/** A dm device of that name exists already. */
export class NameTakenError extends BusyError {}

/** The module is not loaded, or no device of that name has a `remap` target. */
export class TargetMissingError extends DeviceError {}

/** The device is not suitable, and no waiting makes it so. */
export class RefusedError extends DeviceError {}
/** The spare carries a file system, RAID, LVM, crypto or partition table signature. */
export class SignatureError extends RefusedError {}
/** The device is smaller than what was asked for. */
export class TooSmallError extends RefusedError {}
/** Main and spare share sectors. */
export class OverlapError extends RefusedError {}
/** Logical blocks do not fit: the spare's larger than main's, or an unaligned range. */
export class BlockSizeError extends RefusedError {}
/** A directory, a regular file, a character device. */
export class NotBlockDeviceError extends RefusedError {}
/** No such path, or no dm device of that name. */
export class DeviceNotFoundError extends RefusedError {}
/** More than one device could be meant. */
export class AmbiguousError extends RefusedError {}
/** The spare holds a table of relocated sectors that is not the main device's, or does not fit. */
export class WrongPairError extends RefusedError {}
/** The table on the spare cannot be loaded as it is. */
export class MetadataDamagedError extends DeviceError {}
/** This needs root. */
export class PermissionError extends RefusedError {}

/** The kernel gave a table, status or reply that does not follow the contract. */
export class ProtocolError extends DeviceError {}
