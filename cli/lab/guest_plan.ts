// SPDX-License-Identifier: GPL-2.0-only
import { LabError } from "./errors.ts";
import type { GuestJob } from "./guest_init.ts";
import type { GuestOptions } from "./guest_options.ts";
import type { PlacedDisk, QemuOptions } from "./qemu_args.ts";

/** What a run comes down to: the job inside, the drivers for it, and the machine around it. */
export interface GuestPlan {
  readonly job: GuestJob;
  readonly modules: readonly string[];
  readonly machine: Omit<QemuOptions, "ports" | "console">;
}

/** Where the guest has a tmpfs of its own instead of the host's files. */
const COVERED = ["/tmp", "/run", "/var/tmp"] as const;

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const BASE_MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p"];
const BUS_MODULES = { virtio: ["virtio_blk"], nvme: ["nvme"], scsi: ["virtio_scsi", "sd_mod"] };

/** Works out a run; `dir` is its scratch directory, `interactive` says that a person sits before it. */
export async function planGuest(
  options: GuestOptions,
  dir: string,
  interactive: boolean,
): Promise<GuestPlan> {
  const disks = await placeDisks(options, dir);
  const buses = new Set(disks.map((disk) => disk.bus ?? "virtio"));
  const root = options.root === undefined ? undefined : await Deno.realPath(options.root);
  if (root !== undefined) await Deno.mkdir(`${root}/lib/modules`, { recursive: true });
  return {
    job: {
      argv: options.argv,
      env: guestEnvironment(options),
      cwd: options.cwd ?? "/tmp",
      rootTag: root === undefined ? "host" : "root",
      release: options.kernel.release,
      modulesDir: await Deno.realPath(options.kernel.modulesDir),
      share: sharedDirectories(options, Deno.cwd()),
      serials: disks.map((disk) => disk.serial),
      kmemleak: options.kmemleak ?? true,
      interactive,
    },
    modules: [...BASE_MODULES, ...[...buses].flatMap((bus) => BUS_MODULES[bus])],
    machine: {
      image: options.kernel.image,
      initramfs: `${dir}/initramfs`,
      append: commandLine(options),
      memoryMiB: options.memoryMiB ?? 3072,
      cpus: options.cpus ?? 2,
      icount: options.icount ?? false,
      oneThread: options.kernel.oneThread ?? false,
      shares: [
        { tag: "host", path: "/" },
        ...(root === undefined ? [] : [{ tag: "root", path: root }]),
      ],
      disks,
    },
  };
}

function commandLine(options: GuestOptions): string {
  return [
    "console=ttyS0 loglevel=8 printk.devkmsg=on panic=-1 oops=panic mitigations=off",
    "nvme_core.max_retries=0 net.ifnames=0",
    options.append ?? "",
  ].join(" ").trim();
}

/** The environment of the program: a complete one of its own, nothing of the host's leaks in. */
export function guestEnvironment(options: GuestOptions): Record<string, string> {
  return {
    PATH,
    HOME: "/tmp/home",
    LANG: "C.UTF-8",
    TERM: "dumb",
    NO_COLOR: "1",
    DM_DISABLE_UDEV: "1",
    DMREMAP_IN_GUEST: "1",
    DMREMAP_CHANNEL: "/run/lab/records",
    DENO_NO_UPDATE_CHECK: "1",
    ...(options.root === undefined ? denoDirectory() : {}),
    ...(options.module === undefined ? {} : { DMREMAP_MODULE: options.module }),
    ...options.env,
  };
}

/** A Deno program of the guest finds its npm packages and compiled sources where the host has them. */
function denoDirectory(): Record<string, string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? ""}/.cache`;
  return { DENO_DIR: Deno.env.get("DENO_DIR") ?? `${cache}/deno` };
}

/** Without doubles, and without what lies below another of them. */
function outermost(directories: readonly string[]): string[] {
  const sorted = [...new Set(directories)].sort();
  return sorted.filter((path) => !sorted.some((other) => path.startsWith(`${other}/`)));
}

/** The host directories that must be put back over the guest's own tmpfs. */
export function sharedDirectories(options: GuestOptions, cwd: string): string[] {
  const implied = options.root === undefined
    ? [options.argv[0], options.module, `${cwd}/.`]
    : [options.module];
  const directories = implied
    .filter((path) => path?.startsWith("/"))
    .map((path) => path?.replace(/\/[^/]*$/, "") ?? "");
  const wanted = [...options.share ?? [], ...directories];
  const covered = wanted.filter((path) => COVERED.some((each) => path.startsWith(`${each}/`)));
  return outermost(covered);
}

async function placeDisks(options: GuestOptions, dir: string): Promise<PlacedDisk[]> {
  const placed: PlacedDisk[] = [];
  for (const [index, disk] of (options.disks ?? []).entries()) {
    const serial = disk.serial ?? `disk${index}`;
    if (!/^[\w-]{1,20}$/.test(serial)) {
      throw new LabError(`disk serial ${serial}: not a plain word`);
    }
    let path = disk.path;
    if (path === undefined) {
      if (disk.sizeBytes === undefined) throw new LabError(`disk ${serial}: neither path nor size`);
      path = `${dir}/${serial}.img`;
      await Deno.writeFile(path, new Uint8Array());
      await Deno.truncate(path, disk.sizeBytes);
    } else if (disk.sizeBytes !== undefined) {
      throw new LabError(`disk ${serial}: a path and a size`);
    }
    placed.push({ ...disk, path, serial });
  }
  return placed;
}
