// SPDX-License-Identifier: GPL-2.0-only
import { DeviceError } from "../device/errors.ts";

/** Base of the errors of `cli/store`. `device` is the path of the store. */
export abstract class StoreError extends DeviceError {}

/** Another process has been writing for longer than we wait. */
export class StoreBusyError extends StoreError {}
/** The file is damaged, is no store, or a snapshot does not agree with its digest. */
export class StoreDamagedError extends StoreError {}
/** No room for more, on the file system or in the file. */
export class StoreFullError extends StoreError {}
/** The store, or where it lies, may not be written. */
export class StoreReadOnlyError extends StoreError {}
/** A later version of the tool has written it. */
export class StoreNewerError extends StoreError {}
/** There is no store at this path. */
export class StoreMissingError extends StoreError {}
/** It cannot be opened, read or written for another reason. */
export class StoreFailedError extends StoreError {}

/** No such snapshot. */
export class SnapshotNotFoundError extends StoreError {}
/** The very same snapshot is in the store already. */
export class SnapshotExistsError extends StoreError {
  constructor(reason: string, readonly id: number, options: { device: string }) {
    super(reason, options);
  }
}
/** Lists that no table can have: they overlap, do not ascend, or lie outside of the devices. */
export class InvalidSnapshotError extends StoreError {}
/** A file to be imported cannot be read, or is none of ours. */
export class ImportError extends StoreError {}
/** It is one of ours, and not what was written. */
export class ImportDamagedError extends ImportError {}
/** A file cannot be written, or is there already. */
export class ExportError extends StoreError {}
