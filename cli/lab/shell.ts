// SPDX-License-Identifier: GPL-2.0-only
import { PORTS } from "./guest_init.ts";
import type { GuestOptions } from "./guest_options.ts";
import { planGuest } from "./guest_plan.ts";
import { GuestPort } from "./guest_port.ts";
import { writeInitramfs } from "./initramfs.ts";
import { findComplaints } from "./kernel_log.ts";
import { ensurePackages, GUEST_PACKAGES } from "./packages.ts";
import { qemuArgs } from "./qemu_args.ts";

/**
 * Boots a kernel with a person at its terminal: the program (a shell, as a rule) has our stdin and
 * stdout until it ends. Gives back the complaints of the kernel. `onKernelLog` gets the log at the end.
 */
export async function runInteractiveGuest(options: GuestOptions): Promise<string[]> {
  await ensurePackages(GUEST_PACKAGES, options.log ?? (() => {}));
  const dir = await Deno.makeTempDir({ prefix: "dmremap-lab-" });
  // The terminal is the guest's: an interrupt from the keyboard must not end us and leave `dir` behind.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  try {
    const plan = await planGuest(options, dir, true);
    await writeInitramfs(plan.machine.initramfs, options.kernel, plan.modules, plan.job);
    using control = new GuestPort(PORTS.control, `${dir}/control`);
    const ports = [{ name: control.name, socket: control.socket }];
    const file = `${dir}/kernel.log`;
    const qemu = new Deno.Command("qemu-system-x86_64", {
      args: qemuArgs({ ...plan.machine, ports, console: { file } }),
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    const reading = control.read(() => {});
    await qemu.status;
    control.stopListening();
    await reading;
    const log = (await Deno.readTextFile(file)).replaceAll("\r", "");
    options.onKernelLog?.(log);
    return findComplaints(log);
  } finally {
    Deno.removeSignalListener("SIGINT", ignore);
    await Deno.remove(dir, { recursive: true });
  }
}
