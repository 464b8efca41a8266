// SPDX-License-Identifier: GPL-2.0-only
//
// Builds the target with bad sectors for the kernel of a guest.
import { run } from "./process.ts";

const FILES = ["Kbuild", "lab_bad.c"] as const;

/**
 * @param kdir the headers of the kernel
 * @param dir where to build; the guest has to see it
 */
export async function buildTestModule(kdir: string, dir: string): Promise<string> {
  for (const file of FILES) {
    await Deno.copyFile(new URL(`module/${file}`, import.meta.url), `${dir}/${file}`);
  }
  await run("make", "-C", kdir, `M=${dir}`, "modules");
  return `${dir}/lab_bad.ko`;
}
