// SPDX-License-Identifier: GPL-2.0-only
// The files of deploy/ and the module's sources: what they are for, and where they belong.
import { dirname, join } from "node:path";
import { listEmbedded, readEmbedded, readEmbeddedText } from "../embed/files.ts";
import { isModuleSource } from "../kmod/sources.ts";

/** What a file is for. */
export const PARTS = ["systemd", "initramfs", "dkms", "timer", "cron"] as const;
/** One of {@linkcode PARTS}. */
export type Part = (typeof PARTS)[number];

/** What is installed unless parts are named: cron would do what the timer does once more. */
export const USUAL_PARTS: readonly Part[] = PARTS.filter((part) => part !== "cron");

/** A file, and one place where it belongs. */
export interface Target {
  readonly part: Part;
  /** In the repository. */
  readonly source: string;
  /** On the machine. */
  readonly path: string;
  readonly mode: number;
  /** The administrator's own: never overwritten. */
  readonly isConfiguration: boolean;
}

const INITRAMFS = "/etc/initramfs-tools";

/** Everything that can be installed. */
export function targets(): Target[] {
  return [
    target("systemd", "systemd/dmremap-assemble.service", "/etc/systemd/system/"),
    target("systemd", "systemd/dmremap-return@.service", "/etc/systemd/system/"),
    target("systemd", "udev/62-dmremap.rules", "/etc/udev/rules.d/"),
    target("systemd", "udev/65-dmremap-return.rules", "/etc/udev/rules.d/"),
    target("initramfs", "udev/62-dmremap.rules", "/etc/udev/rules.d/"),
    program("initramfs-tools/hook", `${INITRAMFS}/hooks/dmremap`),
    program("initramfs-tools/script", `${INITRAMFS}/scripts/local-top/dmremap`),
    program("initramfs-tools/script", `${INITRAMFS}/scripts/local-block/dmremap`),
    {
      ...target("initramfs", "initramfs-tools/dmremap.conf", `${INITRAMFS}/`),
      isConfiguration: true,
    },
    ...dkmsSources(),
    target("timer", "systemd/dmremap-backup.service", "/etc/systemd/system/"),
    target("timer", "systemd/dmremap-backup.timer", "/etc/systemd/system/"),
    target("cron", "cron/dmremap-backup", "/etc/cron.d/"),
    ...backupSettings("timer"),
    ...backupSettings("cron"),
  ];
}

/** How backups are run, and what is told of their failures: the same for both. */
function backupSettings(part: Part): Target[] {
  const settings = {
    ...target(part, "backup/dmremap-backup.default", ""),
    path: "/etc/default/dmremap-backup",
  };
  const hook = { ...target(part, "backup/backup-failed", "/etc/dmremap-ts/"), mode: 0o755 };
  return [settings, hook].map((file) => ({ ...file, isConfiguration: true }));
}

function target(part: Part, source: string, folder: string): Target {
  const path = `${folder}${source.slice(source.lastIndexOf("/") + 1)}`;
  return { part, source: `deploy/${source}`, path, mode: 0o644, isConfiguration: false };
}

function program(source: string, path: string): Target {
  return { ...target("initramfs", source, ""), path, mode: 0o755 };
}

/** Where dkms looks for the sources of a module of that version. */
function dkmsSources(): Target[] {
  const [, version = "0"] = /^PACKAGE_VERSION="(.*)"$/m.exec(readEmbeddedText("kmod/dkms.conf")) ??
    [];
  return listEmbedded("kmod/").filter(isModuleSource).map((source) => ({
    part: "dkms",
    source,
    path: `/usr/src/dm-remap-${version}/${source.slice("kmod/".length)}`,
    mode: 0o644,
    isConfiguration: false,
  }));
}

/** What became of one target. */
export type Installed = "written" | "unchanged" | "kept";

/** Writes one file below `root`. @throws {Deno.errors.PermissionDenied} and its like */
export function install({ source, path, mode, isConfiguration }: Target, root: string): Installed {
  const place = join(root, path);
  const content = readEmbedded(source);
  const before = readIfThere(place);
  if (before !== undefined && isConfiguration) return "kept";
  if (before !== undefined && equal(before, content)) {
    Deno.chmodSync(place, mode);
    return "unchanged";
  }
  Deno.mkdirSync(dirname(place), { recursive: true });
  // Renamed into its place: a boot that comes in between finds the old file or the new one.
  const temporary = `${place}.dmremap-new`;
  try {
    Deno.writeFileSync(temporary, content, { mode });
    Deno.chmodSync(temporary, mode);
    Deno.renameSync(temporary, place);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  }
  return "written";
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was never made, or cannot be removed either.
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
