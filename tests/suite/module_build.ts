// SPDX-License-Identifier: GPL-2.0-only
import { isModuleSource } from "../../cli/kmod/sources.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { CHECKER_PACKAGES, ensurePackages, MODULE_BUILD_PACKAGES } from "../../cli/lab/packages.ts";
import type { Counts } from "./counts.ts";
import type { Say } from "./output.ts";

/**
 * What is to be said against a build with all extra warnings (W=1) and the checker (C=2): each
 * complaint of compiler, linker and checker; and each source that the checker has not looked at,
 * as it does where it cannot run, which make takes lightly.
 *
 * @param output what make has printed
 * @param objects the objects that the module consists of: `dm-remap-main.o`
 */
export function complaintsOf(output: string, objects: readonly string[]): string[] {
  const lines = output.split("\n");
  const looked = new Set(
    lines.map((line) => /^ *CHECK +(?:.*\/)?([^/ ]+)\.c$/.exec(line)?.[1]).filter(Boolean),
  );
  const unseen = objects.map((name) => name.replace(/\.o$/, "")).filter((name) =>
    !looked.has(name)
  );
  return [
    ...lines.filter((line) => /\b(?:warning|error):|^WARNING|^ERROR/i.test(line)),
    ...unseen.map((name) => `${name}.c: not seen by sparse`),
  ];
}

/** The objects in a Kbuild file's `dm-remap-y`. */
export function objectsOf(kbuild: string): string[] {
  const list = /^dm-remap-y := ((?:.*\\\n)*.*)$/m.exec(kbuild)?.[1] ?? "";
  return list.split(/[\s\\]+/).filter((word) => word.endsWith(".o"));
}

/** Builds the module for a kernel with all extra warnings and sparse; one complaint is a failure. */
export async function buildWithoutWarnings(
  root: string,
  kernelId: string,
  say: Say,
): Promise<Counts> {
  const log = (line: string) => say(`${line}\n`);
  await ensurePackages([...MODULE_BUILD_PACKAGES, ...CHECKER_PACKAGES], log);
  const kernel = await ensureKernel(kernelId, log);
  const dir = await Deno.makeTempDir({ prefix: "dmremap-kmod-" });
  try {
    // Only sources: what an earlier build left there must not stand in for this one.
    for await (const { name } of Deno.readDir(`${root}/kmod`)) {
      if (isModuleSource(name)) await Deno.copyFile(`${root}/kmod/${name}`, `${dir}/${name}`);
    }
    const objects = objectsOf(await Deno.readTextFile(`${dir}/Kbuild`));
    if (objects.length === 0) throw new Error("kmod/Kbuild names no objects");
    const { success, stdout, stderr } = await new Deno.Command("make", {
      args: ["-C", dir, `KDIR=${kernel.kdir}`, "W=1", "C=2"],
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    const output = decoder.decode(stdout) + decoder.decode(stderr);
    const complaints = complaintsOf(output, objects);
    const built = success && await Deno.stat(`${dir}/dm-remap.ko`).then(() => true, () => false);
    if (built && complaints.length === 0) {
      log(`kmod builds for ${kernel.release}; sparse has seen ${objects.length} sources`);
      return { passed: 1, failed: 0 };
    }
    log(`kmod for ${kernel.release}:\n${output}`);
    const why = complaints.length > 0 ? complaints : [`make has made no module for ${kernelId}`];
    log(why.join("\n"));
    return { passed: 0, failed: 1, why };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
