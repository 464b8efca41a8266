// SPDX-License-Identifier: GPL-2.0-only
// A machine that boots as a real one does: kernel and initramfs, and nothing of the lab inside.
import { findComplaints } from "../../cli/lab/kernel_log.ts";
import type { Kernel } from "../../cli/lab/kernels.ts";
import { type PlacedDisk, qemuArgs } from "../../cli/lab/qemu_args.ts";

export interface BootOptions {
  readonly kernel: Kernel;
  readonly initramfs: string;
  readonly append: string;
  readonly disks: readonly PlacedDisk[];
  readonly timeoutSeconds: number;
}

export interface Boot {
  /** Everything on the serial console. */
  readonly console: string;
  /** The JSON documents that the guest wrote to its kernel log behind `boot-test: `. */
  readonly reports: readonly unknown[];
  readonly problems: readonly string[];
  readonly seconds: number;
}

/** Runs until the machine reboots or powers off. */
export async function boot(options: BootOptions): Promise<Boot> {
  const started = performance.now();
  const args = qemuArgs({
    image: options.kernel.image,
    initramfs: options.initramfs,
    append: `console=ttyS0 printk.devkmsg=on panic=-1 oops=panic mitigations=off ${options.append}`,
    memoryMiB: 2048,
    cpus: 2,
    icount: false,
    oneThread: options.kernel.oneThread ?? false,
    shares: [],
    disks: options.disks,
    ports: [],
    console: "stdout",
  });
  const qemu = new Deno.Command("qemu-system-x86_64", {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    qemu.kill("SIGKILL");
  }, options.timeoutSeconds * 1000);
  const [text, complaint] = await Promise.all([
    new Response(qemu.stdout).text(),
    new Response(qemu.stderr).text(),
  ]);
  await qemu.status;
  clearTimeout(timer);
  const log = text.replaceAll("\r", "");
  return {
    console: log,
    reports: [...log.matchAll(/boot-test: (\{.*\})$/gm)].map(([, json = ""]) => JSON.parse(json)),
    problems: [
      ...late ? [`not done within ${options.timeoutSeconds} s`] : [],
      ...log === "" ? [`QEMU: ${complaint}`] : [],
      ...findComplaints(log),
    ],
    seconds: (performance.now() - started) / 1000,
  };
}
