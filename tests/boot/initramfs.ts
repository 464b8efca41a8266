// SPDX-License-Identifier: GPL-2.0-only
// The initramfs as update-initramfs would write it, with the configuration of the staged root.
import { join } from "node:path";
import { exec, exists, type Log } from "../../cli/lab/exec.ts";
import type { Kernel } from "../../cli/lab/kernels.ts";

/** Drivers for the disk of the root file system only: the other one shows up later. */
const MODULES = ["virtio_pci", "virtio_blk", "ext4"];

/**
 * Runs mkinitramfs with `<root>/etc/initramfs-tools`, where the files of deploy/ were installed.
 * Simpler than on a real machine: the drivers are listed rather than guessed, and the rest of what
 * hooks look at (/etc/fstab, /etc/udev) is the host's.
 */
export async function makeInitramfs(
  root: string,
  kernel: Kernel,
  output: string,
  log: Log,
): Promise<void> {
  const folder = join(root, "etc/initramfs-tools");
  await Deno.copyFile("/etc/initramfs-tools/initramfs.conf", join(folder, "initramfs.conf"));
  await Deno.mkdir(join(folder, "conf.d"), { recursive: true });
  await Deno.writeTextFile(
    join(folder, "conf.d/boot-test"),
    "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\nRESUME=none\n",
  );
  await Deno.writeTextFile(join(folder, "modules"), `${MODULES.join("\n")}\n`);
  // A kernel that was only unpacked lies elsewhere; mkinitramfs looks in one place.
  const place = `/lib/modules/${kernel.release}`;
  const linked = !await exists(place);
  if (linked) await Deno.symlink(await Deno.realPath(kernel.modulesDir), place);
  try {
    log((await exec(["mkinitramfs", "-d", folder, "-o", output, kernel.release])).trimEnd());
  } finally {
    if (linked) await Deno.remove(place);
  }
}
