// SPDX-License-Identifier: GPL-2.0-only
import { exec } from "../../../cli/lab/exec.ts";

/**
 * Builds a module of the tests, and gives its path.
 *
 * @param suite where in tests/ its folder `module` is
 * @param name of the module
 * @param dir where to build; the guest has to see it
 */
export async function buildTestModule(
  { kdir }: { readonly kdir: string },
  suite: string,
  name: string,
  dir: string,
): Promise<string> {
  const sources = new URL(`../../${suite}/module`, import.meta.url).pathname;
  await Deno.mkdir(dir, { recursive: true });
  for (const file of Deno.readDirSync(sources)) {
    await Deno.copyFile(`${sources}/${file.name}`, `${dir}/${file.name}`);
  }
  await exec(["make", "-s", "-C", kdir, `M=${dir}`, "modules"]);
  return `${dir}/${name}.ko`;
}

/** The target whose sectors can be bad: see `BadSectors`. */
export function buildBadSectors(
  kernel: { readonly kdir: string },
  dir: string,
): Promise<string> {
  return buildTestModule(kernel, "suite/guest", "lab_bad", dir);
}
