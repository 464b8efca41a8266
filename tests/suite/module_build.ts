// SPDX-License-Identifier: GPL-2.0-only
import { MODULE_BUILD_PACKAGES } from "../../cli/lab/packages.ts";
import { ensurePackages } from "../../cli/lab/packages.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import type { Counts } from "./counts.ts";
import type { Say } from "./output.ts";

/** Builds the module for a kernel with all extra warnings on; one warning is a failure. */
export async function buildWithoutWarnings(
  root: string,
  kernelId: string,
  say: Say,
): Promise<Counts> {
  const log = (line: string) => say(`${line}\n`);
  await ensurePackages(MODULE_BUILD_PACKAGES, log);
  const kernel = await ensureKernel(kernelId, log);
  const dir = await Deno.makeTempDir({ prefix: "dmremap-kmod-" });
  try {
    for await (const entry of Deno.readDir(`${root}/kmod`)) {
      // Only sources: what an earlier build left there must not stand in for this one.
      if (
        entry.isFile && /(\.[ch]|Kbuild|Makefile)$/.test(entry.name) &&
        !entry.name.endsWith(".mod.c")
      ) {
        await Deno.copyFile(`${root}/kmod/${entry.name}`, `${dir}/${entry.name}`);
      }
    }
    const { success, stdout, stderr } = await new Deno.Command("make", {
      args: ["-C", dir, `KDIR=${kernel.kdir}`, "W=1"],
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    const output = decoder.decode(stdout) + decoder.decode(stderr);
    const warnings = output.split("\n").filter((line) => /warning:|^WARNING/i.test(line));
    const built = success && await Deno.stat(`${dir}/dm-remap.ko`).then(() => true, () => false);
    if (built && warnings.length === 0) {
      log(`kmod builds for ${kernel.release}`);
      return { passed: 1, failed: 0 };
    }
    log(`kmod for ${kernel.release}:\n${output}`);
    return { passed: 0, failed: 1 };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
