// SPDX-License-Identifier: GPL-2.0-only
import { ensureDebianKernel, ensureImage } from "./debian_kernel.ts";
import { ensureDebugKernel } from "./debug_kernel.ts";
import { LabError } from "./errors.ts";
import type { Log } from "./exec.ts";
import { ensureNewestKernel } from "./newest_kernel.ts";

/** A kernel that a guest can run, and a module can be built for. */
export interface Kernel {
  /** As the user named it: `6.1`, `6.12`, `newest`, `debug`, or the path of an image. */
  readonly id: string;
  /** What `uname -r` says in the guest. */
  readonly release: string;
  /** The bootable image. */
  readonly image: string;
  /** The directory that the guest sees as `/lib/modules/<release>`. */
  readonly modulesDir: string;
  /** The build tree for external modules: `make -C kmod KDIR=...`, or `make -C KDIR M=...`. */
  readonly kdir: string;
  /**
   * All of the guest's CPUs are emulated by one thread, in turns: for a kernel that patches its own
   * code while other CPUs run it. QEMU throws away its translation of the old code before the new
   * code is in memory, and a CPU in a thread of its own can translate the old code once more, and
   * keep it: a boot in thirty ended with a breakpoint that nobody knew of, or did not end at all.
   */
  readonly oneThread?: true;
}

/** The kernels that the lab can get by itself. */
export const KERNEL_IDS = ["6.1", "6.12", "newest", "debug"] as const;

/**
 * Makes sure that a kernel is there: finds it, fetches it from Debian's packages, or builds it; what
 * was fetched or built is kept in the cache.
 *
 * ```ts
 * import { ensureKernel } from "./kernels.ts";
 * const kernel = await ensureKernel("6.1", (line) => Deno.stderr.writeSync(new TextEncoder().encode(line)));
 * ```
 *
 * @param id `6.1`, `6.12`, `newest`, `debug`, or the path of an image such as `/boot/vmlinuz-$(uname -r)`
 */
export function ensureKernel(id: string, log: Log): Promise<Kernel> {
  switch (id) {
    case "6.1":
      return ensureDebianKernel("6.1", "release", log);
    case "6.12":
      return ensureDebianKernel("6.12", "backports", log);
    case "newest":
      return ensureNewestKernel(log);
    case "debug":
      return ensureDebugKernel(log);
    default:
      if (id.includes("/")) return ensureImage(id);
      return Promise.reject(
        new LabError(`no such kernel: ${id} (known: ${KERNEL_IDS.join(", ")}, or an image's path)`),
      );
  }
}
