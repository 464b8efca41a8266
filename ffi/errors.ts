// SPDX-License-Identifier: GPL-2.0-only
import { errnoName, errnoText } from "./errno.ts";

/** A shared library, or a function in it, that this machine does not have. */
export class LibraryError extends Error {
  override readonly name: string = "LibraryError";

  constructor(
    /** The library, e.g. `libdevmapper.so.1.02.1`. */
    readonly library: string,
    /** The Debian package that brings it. */
    readonly packageName: string,
    options?: ErrorOptions,
  ) {
    super(
      `cannot load ${library}: install the Debian package ${packageName} ` +
        `(apt-get install ${packageName})`,
      options,
    );
  }
}

/** A failed system call on a file or a device. */
export class SystemError extends Error {
  override readonly name: string = "SystemError";
  /** The symbolic name of {@linkcode errno}, e.g. `EIO`. */
  readonly code: string;

  constructor(
    /** What was tried, e.g. `read`. */
    readonly operation: string,
    /** The file or device. */
    readonly path: string,
    readonly errno: number,
    options?: ErrorOptions,
  ) {
    const code = errnoName(errno);
    super(`${path}: ${operation} failed: ${errnoText(errno)} (${code})`, options);
    this.code = code;
  }
}

/** Extra facts of a {@linkcode DeviceMapperError}. */
export interface DeviceMapperErrorOptions extends ErrorOptions {
  /** What the kernel log said about it meanwhile; the kernel has no other place for reasons. */
  readonly kernelLog?: readonly string[];
  /** Says it in place of the errno's text. */
  readonly reason?: string;
}

/** The device mapper refused or failed an operation. */
export class DeviceMapperError extends Error {
  override readonly name: string = "DeviceMapperError";
  /** The symbolic name of {@linkcode errno}, e.g. `EBUSY`. */
  readonly code: string;
  /** Reasons from the kernel log, as far as they could be read. */
  readonly kernelLog: readonly string[];

  constructor(
    /** What was tried, e.g. `remove` or `message`. */
    readonly operation: string,
    /** The device's name; empty for operations on no device. */
    readonly device: string,
    readonly errno: number,
    options: DeviceMapperErrorOptions = {},
  ) {
    const code = errnoName(errno);
    const subject = device === "" ? "device mapper" : device;
    const reason = options.reason ?? `${errnoText(errno)} (${code})`;
    const log = options.kernelLog ?? [];
    const details = log.length === 0 ? "" : `; the kernel says: ${log.join("; ")}`;
    super(`${subject}: ${operation} failed: ${reason}${details}`, options);
    this.code = code;
    this.kernelLog = log;
  }
}

/** The running kernel has no device mapper, or does not let this process near it. */
export class NoDeviceMapperError extends DeviceMapperError {
  override readonly name = "NoDeviceMapperError";
}
