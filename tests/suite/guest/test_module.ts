// SPDX-License-Identifier: GPL-2.0-only
import { exec } from "../../../cli/lab/exec.ts";
import type { Kernel } from "../../../cli/lab/kernels.ts";

/** Builds a module of the tests, from `tests/<suite>/module`, for a kernel in `dir`. */
export async function buildTestModule(
  { kdir }: Kernel,
  suite: string,
  name: string,
  dir: string,
): Promise<string> {
  const sources = new URL(`../${suite}/module`, import.meta.url).pathname;
  await Deno.mkdir(dir);
  for (const file of Deno.readDirSync(sources)) {
    await Deno.copyFile(`${sources}/${file.name}`, `${dir}/${file.name}`);
  }
  await exec(["make", "-s", "-C", kdir, `M=${dir}`, "modules"]);
  return `${dir}/${name}.ko`;
}
