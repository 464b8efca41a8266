// SPDX-License-Identifier: GPL-2.0-only
//
// The newest kernel, which comes with a system of its own. Needs root, QEMU and mmdebstrap.
import assert from "node:assert/strict";
import { exec } from "../../cli/lab/exec.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { BOOTSTRAP_PACKAGES, ensurePackages } from "../../cli/lab/packages.ts";

const log = (line: string) => {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
};

const SOURCE = `#include <linux/module.h>
MODULE_DESCRIPTION("Nothing");
MODULE_LICENSE("GPL");
`;

Deno.test("a module that is built for the newest kernel loads there, and nothing is left behind", async () => {
  const kernel = await ensureKernel("newest", log);
  assert.equal(kernel.oneThread, true);
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/lab_nothing.c`, SOURCE);
    await Deno.writeTextFile(`${dir}/Kbuild`, "obj-m := lab_nothing.o\n");
    await exec(["make", "-s", "-C", kernel.kdir, `M=${dir}`, "W=1", "modules"]);
    const mounts = await Deno.readTextFile("/proc/self/mounts");
    assert.ok(!mounts.includes(kernel.kdir.replace(/\/build$/, "")), mounts);
    const result = await runGuest({
      kernel,
      argv: ["/bin/sh", "-c", `insmod ${dir}/lab_nothing.ko && uname -r && rmmod lab_nothing`],
      share: [dir],
      log,
    });
    assert.equal(guestFailure(result), undefined);
    assert.equal(result.stdout.trim(), kernel.release);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("an archive that cannot be reached is told, and leaves no kernel", async () => {
  await ensurePackages(BOOTSTRAP_PACKAGES, log);
  const dir = await Deno.makeTempDir();
  try {
    const nowhere = ["http", "https"].map((way) =>
      `Acquire::${way}::Proxy "http://127.0.0.1:9";\n`
    );
    await Deno.writeTextFile(`${dir}/apt.conf`, nowhere.join(""));
    const script = `
      import { ensureKernel } from "${new URL("../../cli/lab/kernels.ts", import.meta.url)}";
      try {
        await ensureKernel("newest", () => {});
      } catch (error) {
        console.log(error.name, error.message);
      }`;
    await Deno.writeTextFile(`${dir}/run.ts`, script);
    for (const _ of [1, 2]) {
      const said = await exec([Deno.execPath(), "run", "-A", "--no-check", `${dir}/run.ts`], {
        cwd: new URL("../..", import.meta.url).pathname,
        env: { XDG_CACHE_HOME: `${dir}/cache`, APT_CONFIG: `${dir}/apt.conf`, DENO_DIR: denoDir() },
      });
      assert.match(said, /^LabError cannot fetch Debian's newest kernel .*\nE: Failed to fetch/);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** The program's packages are where they are for everybody. */
function denoDir(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? ""}/.cache`;
  return Deno.env.get("DENO_DIR") ?? `${cache}/deno`;
}
