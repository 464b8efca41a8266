// SPDX-License-Identifier: GPL-2.0-only
import type { Log } from "./exec.ts";
import type { Kernel } from "./kernels.ts";
import type { GuestDisk } from "./qemu_args.ts";

export interface GuestOptions {
  readonly kernel: Kernel;
  /** The program and its arguments. The guest sees the host's files, read-only, at the same paths. */
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory in the guest; /tmp unless told. */
  readonly cwd?: string;
  readonly disks?: readonly GuestDisk[];
  /** One CPU, whose clock counts instructions: timings repeat exactly. */
  readonly icount?: boolean;
  readonly memoryMiB?: number;
  readonly cpus?: number;
  /** Of real time, from the start of the machine to the end of the program; 300 unless told. */
  readonly timeoutSeconds?: number;
  /** Another directory than / to be the guest's root. */
  readonly root?: string;
  /** The module that DMREMAP_MODULE names in the guest. */
  readonly module?: string;
  /**
   * Host directories that the guest shall see although they lie in /tmp, /run or /var/tmp, which are
   * the guest's own. Those of the program and of the module, and the working directory, are added by themselves.
   */
  readonly share?: readonly string[];
  /** More words for the kernel's command line. */
  readonly append?: string;
  /** On a kernel that has kmemleak: look for leaks at the end (half a minute); yes, unless told otherwise. */
  readonly kmemleak?: boolean;
  readonly onStdout?: (text: string) => void;
  readonly onRecord?: (record: unknown) => void;
  readonly onKernelLog?: (text: string) => void;
  /** Ends the run; so does SIGINT. */
  readonly signal?: AbortSignal;
  readonly log?: Log;
}

export interface GuestResult {
  /** The program's; null if the guest did not live to tell it. */
  readonly exitCode: number | null;
  /** The JSON lines that the program wrote to the file $DMREMAP_CHANNEL. */
  readonly records: unknown[];
  /** What the program wrote to stdout and stderr. */
  readonly stdout: string;
  readonly kernelLog: string;
  /** Lines of the kernel log that mean trouble, whatever the program says. */
  readonly complaints: string[];
  readonly timedOut: boolean;
  readonly seconds: number;
}
