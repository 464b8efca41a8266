// SPDX-License-Identifier: GPL-2.0-only
// What `doctor` looks at: each thing, whether it is there, and how to get it.
import { NoDeviceMapperError, SystemError } from "../../../ffi/errors.ts";
import { probeSignature } from "../../../ffi/libblkid.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { deviceMapperMessage } from "../../output/problem.ts";
import { findProgram } from "../../kmod/process.ts";
import { canLoadModules, lockdownMode, moduleState } from "../../kmod/state.ts";
import {
  debianFlavour,
  headersFolder,
  isHeadersFolder,
  runningRelease,
} from "../../kmod/toolchain.ts";

/** What a thing is needed for: to use devices, to build the module, or for the self test. */
export type Purpose = "use" | "build" | "selftest";

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly purpose: Purpose;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** How to get it. */
  readonly cure?: string;
  readonly debianPackage?: string;
  /** Whether this is the target itself: its absence has an exit code of its own. */
  readonly isTarget?: boolean;
}

const PROGRAMS: readonly (readonly [name: string, purpose: Purpose, debianPackage: string])[] = [
  ["insmod", "use", "kmod"],
  ["make", "build", "make"],
  ["gcc", "build", "gcc"],
  ["qemu-system-x86_64", "selftest", "qemu-system-x86"],
  ["qemu-img", "selftest", "qemu-utils"],
  ["busybox", "selftest", "busybox-static"],
  ["cpio", "selftest", "cpio"],
  ["fio", "selftest", "fio"],
  ["mkfs.ext4", "selftest", "e2fsprogs"],
  ["fsck.ext4", "selftest", "e2fsprogs"],
  ["dmsetup", "selftest", "dmsetup"],
];

/** Looks at everything. */
export function checkMachine(): Check[] {
  return [
    checkRoot(),
    ...checkDeviceMapper(),
    checkBlkid(),
    checkModule(),
    checkLockdown(),
    ...PROGRAMS.filter(([, purpose]) => purpose !== "selftest").map(checkProgram),
    checkHeaders(),
    ...PROGRAMS.filter(([, purpose]) => purpose === "selftest").map(checkProgram),
  ];
}

function checkRoot(): Check {
  const ok = Deno.uid() === 0;
  return {
    name: "root",
    purpose: "use",
    ok,
    detail: ok ? "this is root" : `this is user ${Deno.uid()}`,
    ...ok ? {} : { cure: "run this as root" },
  };
}

function checkDeviceMapper(): Check[] {
  const library = { name: "libdevmapper", purpose: "use" } as const;
  const driver = { name: "dm driver", purpose: "use", isTarget: true } as const;
  let dm: DeviceMapper;
  try {
    dm = DeviceMapper.open();
  } catch (error) {
    const debianPackage = "libdevmapper1.02.1";
    return [
      { ...library, ok: false, detail: messageOf(error), debianPackage },
      { ...driver, ok: false, detail: "cannot be asked without libdevmapper" },
    ];
  }
  using opened = dm;
  const found = { ...library, ok: true, detail: opened.libraryVersion() };
  try {
    return [found, { ...driver, ok: true, detail: opened.driverVersion() }];
  } catch (error) {
    if (!(error instanceof NoDeviceMapperError)) throw error;
    return [found, {
      ...driver,
      ok: false,
      detail: deviceMapperMessage(error),
      cure: "modprobe dm-mod",
    }];
  }
}

function checkBlkid(): Check {
  const check = { name: "libblkid", purpose: "use" } as const;
  try {
    probeSignature("/dev/null");
  } catch (error) {
    // The library is there if it got as far as looking at the file.
    if (!(error instanceof SystemError)) {
      return { ...check, ok: false, detail: messageOf(error), debianPackage: "libblkid1" };
    }
  }
  return { ...check, ok: true, detail: "can be loaded" };
}

function checkModule(): Check {
  const check = { name: "module", purpose: "use", isTarget: true } as const;
  const state = moduleState();
  if (state.loaded) return { ...check, ok: true, detail: `loaded, ${state.version ?? "unknown"}` };
  if (!canLoadModules()) {
    return {
      ...check,
      ok: false,
      detail: "this kernel cannot load modules",
      cure: "boot a kernel with loadable modules; `dmremap-ts selftest --vm` brings one of its own",
    };
  }
  return { ...check, ok: false, detail: "not loaded", cure: "dmremap-ts kmod load" };
}

function checkLockdown(): Check {
  const mode = lockdownMode() ?? "none";
  const loaded = moduleState().loaded;
  const ok = mode === "none" || loaded;
  return {
    name: "lockdown",
    purpose: "use",
    ok,
    detail: mode,
    ...ok ? {} : { cure: "sign the module (mokutil --import) or turn Secure Boot off" },
  };
}

function checkHeaders(): Check {
  const release = runningRelease();
  const ok = isHeadersFolder(headersFolder(release));
  const check = { name: "kernel headers", purpose: "build" } as const;
  if (ok) return { ...check, ok, detail: headersFolder(release) };
  const detail = `none for ${release}`;
  return debianFlavour(release) === undefined
    ? { ...check, ok, detail, cure: "get the headers from where this kernel came from" }
    : { ...check, ok, detail, debianPackage: `linux-headers-${release}` };
}

function checkProgram([name, purpose, debianPackage]: typeof PROGRAMS[number]): Check {
  const path = findProgram(name);
  return path === undefined
    ? { name, purpose, ok: false, detail: "not found", debianPackage }
    : { name, purpose, ok: true, detail: path };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
