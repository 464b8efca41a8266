// SPDX-License-Identifier: GPL-2.0-only
// The root file system of the machine, as an image that will be the main device.
import { join } from "node:path";
import { exec } from "../../cli/lab/exec.ts";
import { loadOrder, parseModuleIndex } from "../../cli/lab/initramfs.ts";
import type { Kernel } from "../../cli/lab/kernels.ts";
import { stageRoot } from "./root_files.ts";

/** Drivers that are not in the initramfs: the data disk waits for udev to load them. */
const LATE_MODULES = ["virtio_scsi", "sd_mod", "autofs4"];

const FSTAB = `/dev/mapper/root / ext4 defaults 0 1
/dev/mapper/data /data ext4 defaults 0 2
`;

const REPORT_UNIT = `[Unit]
Description=Look at what has come up
After=local-fs.target systemd-user-sessions.service

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/boot-report

[Install]
WantedBy=multi-user.target
`;

/** Of no use here, and slow where every instruction is emulated. */
const MASKED = [
  "systemd-hwdb-update",
  "ldconfig",
  "systemd-timesyncd",
  "systemd-networkd",
  "systemd-resolved",
  "getty@tty1",
  "serial-getty@ttyS0",
];

/** Puts the root together, with the tool and its files for systemd and the initramfs. */
export async function makeRoot(
  root: string,
  kernel: Kernel,
  tool: string,
  module: string,
): Promise<void> {
  const here = import.meta.dirname ?? ".";
  await stageRoot(root);
  await Deno.mkdir(join(root, "usr/local/sbin"), { recursive: true });
  await Deno.copyFile(tool, join(root, "usr/local/sbin/dmremap-ts"));
  await Deno.copyFile(join(here, "guest/report.sh"), join(root, "usr/local/sbin/boot-report"));
  await Deno.chmod(join(root, "usr/local/sbin/boot-report"), 0o755);
  await exec([tool, "deploy", "install", "systemd", "initramfs", "--root", root]);
  await Deno.writeTextFile(
    join(root, "etc/initramfs-tools/dmremap.conf"),
    `DMREMAP_INITRAMFS=yes\nDMREMAP_TOOL=${tool}\nDMREMAP_MODULE=${module}\n`,
  );
  await Deno.writeTextFile(join(root, "etc/fstab"), FSTAB);
  await Deno.writeTextFile(join(root, "etc/machine-id"), `${"b007".repeat(8)}\n`);
  await Deno.writeTextFile(join(root, "etc/systemd/system/boot-report.service"), REPORT_UNIT);
  await exec(["systemctl", "--root", root, "set-default", "multi-user.target"]);
  await exec([
    ...["systemctl", "--root", root, "enable"],
    ...["dmremap-assemble.service", "boot-report.service"],
  ]);
  await exec(["systemctl", "--root", root, "mask", ...MASKED.map((name) => `${name}.service`)]);
  await copyModules(root, kernel);
  await proofs(root);
}

/** An ext4 image of a size, with the content of a folder. */
export async function makeImage(root: string, path: string, bytes: number): Promise<void> {
  await Deno.writeFile(path, new Uint8Array());
  await Deno.truncate(path, bytes);
  await exec(["mkfs.ext4", "-q", "-F", "-b", "4096", "-d", root, path]);
}

/** Files whose content is known. */
async function proofs(root: string): Promise<void> {
  const names = ["proof-1", "proof-2"];
  for (const name of names) {
    const content = crypto.getRandomValues(new Uint8Array(65536));
    await Deno.writeFile(join(root, name), content);
  }
  const sums = await exec(["sha256sum", ...names], { cwd: root });
  await Deno.writeTextFile(join(root, "sums"), sums);
}

async function copyModules(root: string, kernel: Kernel): Promise<void> {
  const folder = join(root, "usr/lib/modules", kernel.release);
  const read = (name: string) => Deno.readTextFile(join(kernel.modulesDir, name));
  const index = parseModuleIndex(await read("modules.dep"), await read("modules.builtin"));
  for (const file of loadOrder(index, LATE_MODULES)) {
    await Deno.mkdir(join(folder, file, ".."), { recursive: true });
    await Deno.copyFile(join(kernel.modulesDir, file), join(folder, file));
  }
  for (const name of ["modules.builtin", "modules.order", "modules.builtin.modinfo"]) {
    await Deno.copyFile(join(kernel.modulesDir, name), join(folder, name));
  }
  await exec(["depmod", "-b", root, kernel.release]);
}
