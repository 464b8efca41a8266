// SPDX-License-Identifier: GPL-2.0-only
// What can go wrong between the module's sources and a loaded module.

/** Base of the errors here: each knows what the reader can do about it. */
export class ModuleError extends Error {
  override name = "ModuleError";
  /** What to do, as a sentence; empty if nothing can be said. */
  readonly cure: string;

  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, options);
    this.cure = cure;
  }
}

/** Headers of the kernel, the compiler or make are not installed. */
export class BuildToolsMissingError extends ModuleError {
  override name = "BuildToolsMissingError";
}

/** The compiler was not content. */
export class BuildError extends ModuleError {
  override name = "BuildError";
  /** Everything that make and the compiler wrote. */
  readonly log: string;

  constructor(message: string, cure: string, log: string, options?: ErrorOptions) {
    super(message, cure, options);
    this.log = log;
  }
}

/** The kernel refused the module. */
export class LoadError extends ModuleError {
  override name = "LoadError";
}

/** The module is not loaded, or this kernel cannot load any. */
export class ModuleMissingError extends ModuleError {
  override name = "ModuleMissingError";
}

/** The module cannot go while devices use it. */
export class ModuleBusyError extends ModuleError {
  override name = "ModuleBusyError";
  readonly devices: readonly string[];

  constructor(message: string, cure: string, devices: readonly string[], options?: ErrorOptions) {
    super(message, cure, options);
    this.devices = devices;
  }
}
