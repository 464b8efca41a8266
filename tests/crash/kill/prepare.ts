// SPDX-License-Identifier: GPL-2.0-only
//
// What all machines of a run have in common.
import { buildModule } from "../../../cli/kmod/build.ts";
import { ensureKernel, type Kernel } from "../../../cli/lab/kernels.ts";
import {
  ensurePackages,
  GUEST_PACKAGES,
  MODULE_BUILD_PACKAGES,
} from "../../../cli/lab/packages.ts";
import { log } from "../../suite/guest/in_guest.ts";
import { run } from "../../suite/guest/process.ts";
import { buildBadSectors } from "../../suite/guest/test_module.ts";

export interface Machine {
  readonly kernel: Kernel;
  readonly module: string;
  readonly badSectors: string;
  readonly program: string;
}

export async function prepare(
  kernelId: string,
  module: string | undefined,
  directory: string,
): Promise<Machine> {
  await ensurePackages([...GUEST_PACKAGES, ...MODULE_BUILD_PACKAGES], log);
  const kernel = await ensureKernel(kernelId, log);
  const { kdir, release } = kernel;
  const build = `${directory}/build`;
  await Deno.mkdir(build);
  const program = `${build}/guest.js`;
  const source = new URL("guest.ts", import.meta.url).pathname;
  await run(Deno.execPath(), "bundle", "-q", "--platform=deno", `-o=${program}`, source);
  return {
    kernel,
    program,
    module: module ?? (await buildModule({ kdir, release, onStep: log })).path,
    badSectors: await buildBadSectors(kernel, build),
  };
}
