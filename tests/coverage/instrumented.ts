// SPDX-License-Identifier: GPL-2.0-only
//
// The module as it is, but built so that it counts what is executed; its sources know nothing of it.
import { extractSources, moduleSources } from "../../cli/kmod/sources.ts";
import { exec } from "../../cli/lab/exec.ts";
import type { Kernel } from "../../cli/lab/kernels.ts";

/**
 * Builds it in `dir`, which has to stay: what the compiler noted there explains the counters.
 * @returns the module's path
 */
export async function buildInstrumented(
  { id, kdir }: Kernel,
  dir: string,
): Promise<string> {
  await Deno.mkdir(dir, { recursive: true });
  extractSources(moduleSources(), dir);
  const jobs = `-j${navigator.hardwareConcurrency}`;
  // Line numbers in the module itself tell which line an address belongs to. Of our kernels only the
  // debug kernel can count.
  const variables = [...(id === "debug" ? ["GCOV_PROFILE=y"] : []), "KCFLAGS=-g"];
  await exec(["make", "-s", jobs, "-C", kdir, `M=${dir}`, ...variables, "modules"]);
  return `${dir}/dm-remap.ko`;
}
