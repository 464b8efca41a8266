// SPDX-License-Identifier: GPL-2.0-only
import { type CpioEntry, writeCpio } from "./cpio.ts";
import { LabError } from "./errors.ts";
import { type GuestJob, INIT2_SCRIPT, INIT_SCRIPT, jobScript, jobVariables } from "./guest_init.ts";
import type { Kernel } from "./kernels.ts";

const BUSYBOX = "/bin/busybox";

/** The kernel modules of a kernel, as its `modules.dep` and `modules.builtin` tell. */
export interface ModuleIndex {
  /** Path below the modules directory, then those of the modules it needs. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly builtin: ReadonlySet<string>;
}

/** A module's name from its file's: `drivers/md/dm-mod.ko.xz` is `dm_mod`. */
export function moduleName(path: string): string {
  return (path.split("/").at(-1) ?? "").replace(/\.ko(\.\w+)?$/, "").replaceAll("-", "_");
}

export function parseModuleIndex(dep: string, builtin: string): ModuleIndex {
  const files = new Map<string, readonly string[]>();
  for (const line of dep.split("\n")) {
    const [path, rest] = line.split(":");
    if (!path || rest === undefined) continue;
    files.set(moduleName(path), [path, ...rest.split(" ").filter(Boolean)]);
  }
  return { files, builtin: new Set(builtin.split("\n").filter(Boolean).map(moduleName)) };
}

/** The files of these modules and of all they need, in the order in which they load. */
export function loadOrder(index: ModuleIndex, names: readonly string[]): string[] {
  const order = new Set<string>();
  for (const name of names) {
    const files = index.files.get(name);
    if (files) {
      // modules.dep lists what is needed first last.
      for (const file of [...files].reverse()) order.add(file);
    } else if (!index.builtin.has(name)) {
      throw new LabError(`this kernel has no module ${name}`);
    }
  }
  return [...order];
}

/** Writes the initramfs of one run: busybox, the drivers for root and disks, the job. */
export async function writeInitramfs(
  path: string,
  kernel: Kernel,
  modules: readonly string[],
  job: GuestJob,
): Promise<void> {
  const read = (name: string) =>
    Deno.readTextFile(`${kernel.modulesDir}/${name}`).catch((cause) => {
      throw new LabError(`kernel ${kernel.release}: no ${name} in ${kernel.modulesDir}`, { cause });
    });
  const index = parseModuleIndex(await read("modules.dep"), await read("modules.builtin"));
  const order = loadOrder(index, modules);
  const encoder = new TextEncoder();
  const text = (path: string, content: string): CpioEntry => ({
    path,
    type: "file",
    data: encoder.encode(content),
    mode: 0o755,
  });
  const entries: CpioEntry[] = [
    ...["bin", "dev", "proc", "sys", "host", "root", "lab", "lab/modules"].map(
      (path): CpioEntry => ({ path, type: "dir" }),
    ),
    { path: "bin/busybox", type: "file", data: await Deno.readFile(BUSYBOX), mode: 0o755 },
    text("init", INIT_SCRIPT),
    text("lab/init2", INIT2_SCRIPT),
    text("lab/job", jobVariables(job)),
    text("lab/program", jobScript(job)),
    text(
      "lab/modules.order",
      order.map((file) => `${moduleName(file)}.ko ${parameters(file)}\n`).join(""),
    ),
  ];
  for (const file of order) {
    const data = await readModule(`${kernel.modulesDir}/${file}`);
    entries.push({ path: `lab/modules/${moduleName(file)}.ko`, type: "file", data });
  }
  await Deno.writeFile(path, writeCpio(entries));
}

/** insmod does not look at the kernel's command line for a module's parameters. */
function parameters(file: string): string {
  return moduleName(file) === "nvme_core" ? "max_retries=0" : "";
}

async function readModule(path: string): Promise<Uint8Array> {
  const tool = path.endsWith(".xz") ? "xz" : path.endsWith(".zst") ? "zstd" : undefined;
  if (tool === undefined) return await Deno.readFile(path);
  const output = await new Deno.Command(tool, { args: ["-dc", path], stderr: "null" }).output();
  if (!output.success) throw new LabError(`${tool} cannot unpack ${path}`);
  return output.stdout;
}
