// SPDX-License-Identifier: GPL-2.0-only
// What the running kernel says about the module.
import { join } from "node:path";

/** The module's name inside the kernel. */
export const MODULE_NAME = "dm_remap";

/** The loaded module, or that there is none. */
export interface ModuleState {
  readonly loaded: boolean;
  readonly version?: string;
  /** How many devices and programs hold it. */
  readonly users?: number;
  /** The module parameters as sysfs shows them. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Reads the state from sysfs, which `sysfs` replaces in tests. */
export function moduleState(sysfs = "/sys"): ModuleState {
  const folder = join(sysfs, "module", MODULE_NAME);
  if (!exists(folder)) return { loaded: false, parameters: {} };
  const version = readValue(join(folder, "version"));
  const users = readValue(join(folder, "refcnt"));
  return {
    loaded: true,
    ...(version === undefined ? {} : { version }),
    ...(users === undefined ? {} : { users: Number(users) }),
    parameters: readParameters(join(folder, "parameters")),
  };
}

/** Whether this kernel can load modules at all. */
export function canLoadModules(proc = "/proc"): boolean {
  return exists(join(proc, "modules"));
}

/** Whether the device-mapper driver is there, as a module or built in. */
export function hasDeviceMapper(proc = "/proc"): boolean {
  return /^\s*\d+ device-mapper$/m.test(readValue(join(proc, "devices")) ?? "") ||
    /^\s*\d+ device-mapper$/m.test(readValue(join(proc, "misc")) ?? "");
}

/** The lockdown mode: `none`, `integrity`, `confidentiality`; undefined if the kernel has none. */
export function lockdownMode(sysfs = "/sys"): string | undefined {
  const modes = readValue(join(sysfs, "kernel/security/lockdown"));
  return /\[(\w+)\]/.exec(modes ?? "")?.[1];
}

function readParameters(folder: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  if (!exists(folder)) return parameters;
  for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const value = readValue(join(folder, entry.name));
    if (value !== undefined) parameters[entry.name] = value;
  }
  return parameters;
}

function readValue(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return undefined;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
