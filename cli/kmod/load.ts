// SPDX-License-Identifier: GPL-2.0-only
// Loads and unloads the module, and says why where the kernel does not want to.
import { buildModule, type BuildOptions, planBuild } from "./build.ts";
import { LoadError, ModuleBusyError, ModuleMissingError } from "./errors.ts";
import { explainLoadFailure } from "./explain.ts";
import { type ModuleInfo, parseModuleInfo, vermagicRelease } from "./modinfo.ts";
import { runProgram } from "./process.ts";
import {
  canLoadModules,
  hasDeviceMapper,
  lockdownMode,
  MODULE_NAME,
  moduleState,
} from "./state.ts";
import { runningRelease } from "./toolchain.ts";

/** Names a module file that is loaded in place of a built one. */
export const MODULE_VARIABLE = "DMREMAP_MODULE";

/** What to load. */
export interface LoadOptions extends Pick<BuildOptions, "signal" | "onStep"> {
  /** The module file; `$DMREMAP_MODULE` or a fresh build unless given. */
  readonly path?: string;
  /** Module parameters, `name=value`. */
  readonly parameters?: readonly string[];
}

/** How a load went. */
export interface LoadedModule {
  /** The file; undefined if a module was there already. */
  readonly path: string | undefined;
  readonly version: string | undefined;
  readonly alreadyLoaded: boolean;
}

/** The commands that a load would run; for `--dry-run`. */
export function planLoad(options: LoadOptions = {}): string[][] {
  const given = options.path ?? givenModule();
  const { command } = planBuild();
  const parameters = options.parameters ?? [];
  return [
    ...given === undefined ? [[...command]] : [],
    ...plannedDependencies(given).map((name) => ["modprobe", name]),
    ["insmod", given ?? "dm-remap.ko", ...parameters],
  ];
}

/** A file tells what it needs; one that is yet to be built will say the same as others of its time. */
function plannedDependencies(given: string | undefined): string[] {
  const info = given === undefined ? undefined : attempt(() => parse(given));
  const dep = attempt(() => Deno.readTextFileSync(`/lib/modules/${runningRelease()}/modules.dep`));
  const usual = dep !== undefined && /\/libcrc32c\.ko/.test(dep) ? ["libcrc32c"] : [];
  return [...new Set(["dm-mod", ...info?.depends ?? (given === undefined ? usual : [])])];
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/**
 * Loads the module, building it first if that is needed. A module that is loaded stays as it is.
 * @throws {ModuleMissingError} if this kernel cannot load modules
 * @throws {LoadError} with the kernel's reason
 */
export async function loadModule(options: LoadOptions = {}): Promise<LoadedModule> {
  const before = moduleState();
  if (before.loaded) return { path: undefined, version: before.version, alreadyLoaded: true };
  if (!canLoadModules()) {
    throw new ModuleMissingError(
      "this kernel cannot load modules",
      "boot a kernel with loadable modules, or try the module in a virtual machine with " +
        "`dmremap-ts selftest --vm`",
    );
  }
  if (Deno.uid() !== 0) throw new LoadError("loading a module needs root", "run this as root");
  const path = options.path ?? givenModule() ?? (await buildModule(options)).path;
  const info = checkModule(path, options.parameters ?? []);
  await loadDependencies(info);
  options.onStep?.(`loading ${path}`);
  const { code, stderr } = await runProgram("insmod", [path, ...options.parameters ?? []]);
  if (code !== 0) throw await loadError(path, stderr, info);
  return { path, version: moduleState().version ?? info.version, alreadyLoaded: false };
}

/**
 * Unloads the module.
 * @param devices names of the remap devices that exist
 * @throws {ModuleBusyError} naming the devices
 * @throws {ModuleMissingError} if it is not loaded
 */
export async function unloadModule(devices: readonly string[]): Promise<void> {
  const state = moduleState();
  if (!state.loaded) throw new ModuleMissingError("the module is not loaded", "");
  if (devices.length > 0) {
    throw new ModuleBusyError(
      `the module serves ${devices.join(", ")}`,
      "remove these devices first: `dmremap-ts clear NAME`, then `dmremap-ts remove NAME`",
      devices,
    );
  }
  const { code, stderr } = await runProgram("rmmod", [MODULE_NAME]);
  if (code === 0) return;
  const reason = stderr.trim().split("\n").at(-1) ?? "rmmod failed";
  if (/in use|busy/i.test(stderr)) {
    throw new ModuleBusyError(reason, "something holds the module; `dmsetup ls` may tell", []);
  }
  const cure = Deno.uid() === 0 ? "dmesg has the kernel's reason" : "run this as root";
  throw new LoadError(`cannot unload the module: ${reason}`, cure);
}

function givenModule(): string | undefined {
  const path = Deno.env.get(MODULE_VARIABLE);
  return path === undefined || path === "" ? undefined : path;
}

/**
 * Finds out what the kernel would refuse, or worse, take: it ignores parameters that it does not
 * know, and loads any module that it is given.
 * @throws {LoadError}
 */
export function checkModule(
  path: string,
  parameters: readonly string[],
  release: string = runningRelease(),
): ModuleInfo {
  const info = parse(path);
  if (info.name !== undefined && info.name !== MODULE_NAME) {
    throw new LoadError(`${path} is the module ${info.name}, not ${MODULE_NAME}`, "");
  }
  const builtFor = info.vermagic === undefined ? undefined : vermagicRelease(info.vermagic);
  if (builtFor !== undefined && builtFor !== release) {
    throw new LoadError(
      `${path} was built for kernel ${builtFor}, this is ${release}`,
      "build it for this kernel with `dmremap-ts kmod build`",
    );
  }
  const names = parameters.map((parameter) => parameter.split("=")[0] ?? "");
  const unknown = names.find((name) => !info.parameters.includes(name));
  if (unknown !== undefined) {
    throw new LoadError(
      `the module has no parameter ${unknown}`,
      `its parameters are ${info.parameters.join(", ")}`,
    );
  }
  return info;
}

function parse(path: string): ModuleInfo {
  try {
    return parseModuleInfo(Deno.readFileSync(path));
  } catch (cause) {
    throw new LoadError(`${path} is not a module that can be loaded`, "", { cause });
  }
}

/** A driver that is built in needs no modprobe, and there may be no modules folder to look in. */
async function loadDependencies(info: ModuleInfo): Promise<void> {
  const present = (name: string) => name === "dm-mod" && hasDeviceMapper();
  const names = new Set(["dm-mod", ...info.depends]);
  for (const name of [...names].filter((name) => !present(name))) {
    const { code, stderr } = await runProgram("modprobe", [name]);
    if (code !== 0) {
      const words = stderr.trim().split("\n").at(-1) ?? "";
      throw new ModuleMissingError(
        `the kernel module ${name} cannot be loaded: ${words}`,
        `it belongs to the kernel's own package: is linux-image-${runningRelease()} complete?`,
      );
    }
  }
}

async function loadError(path: string, stderr: string, info: ModuleInfo): Promise<LoadError> {
  const { reason, cure } = explainLoadFailure({
    stderr,
    kernelLog: await recentKernelLog(),
    lockdown: lockdownMode(),
    vermagic: info.vermagic,
    release: runningRelease(),
  });
  const cause = new Error(stderr.trim());
  return new LoadError(`the kernel refused ${path}: ${reason}`, cure, { cause });
}

async function recentKernelLog(): Promise<string[]> {
  try {
    const { stdout } = await runProgram("dmesg", []);
    return stdout.trimEnd().split("\n").slice(-20).filter((line) =>
      /dm.remap|lockdown|module/i.test(line)
    );
  } catch {
    return [];
  }
}
