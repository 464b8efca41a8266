// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { jobScript, shellQuote } from "./guest_init.ts";
import type { GuestOptions } from "./guest_options.ts";
import { guestEnvironment, planGuest, sharedDirectories } from "./guest_plan.ts";
import type { Kernel } from "./kernels.ts";

const kernel: Kernel = {
  id: "6.1",
  release: "6.1.0",
  image: "/boot/vmlinuz-6.1.0",
  modulesDir: "/",
  kdir: "/",
};
const OPTIONS: GuestOptions = { kernel, argv: ["/bin/true"] };

Deno.test("the guest sees the program's and the module's directory, wherever they are", () => {
  assert.deepEqual(sharedDirectories(OPTIONS, "/home/me"), []);
  assert.deepEqual(
    sharedDirectories({
      ...OPTIONS,
      argv: ["/tmp/a/tool", "/tmp/b/not-asked-for"],
      module: "/var/tmp/m/dm-remap.ko",
      share: ["/tmp/data", "/tmp/data/below", "/home/is/there/anyway"],
    }, "/tmp/checkout"),
    ["/tmp/a", "/tmp/checkout", "/tmp/data", "/var/tmp/m"],
  );
});

Deno.test("with a root of its own, the program is looked for in there", () => {
  assert.deepEqual(
    sharedDirectories({ ...OPTIONS, argv: ["/tmp/a/tool"], root: "/tmp/r" }, "/tmp/c"),
    [],
  );
});

Deno.test("the environment is the guest's own, and the caller has the last word", () => {
  const env = guestEnvironment({
    ...OPTIONS,
    module: "/m/dm-remap.ko",
    env: { HOME: "/x", A: "b" },
  });
  assert.equal(env.DMREMAP_IN_GUEST, "1");
  assert.equal(env.DM_DISABLE_UDEV, "1");
  assert.equal(env.DMREMAP_MODULE, "/m/dm-remap.ko");
  assert.equal(env.HOME, "/x");
  assert.equal(env.A, "b");
  assert.equal("USER" in env, false);
});

Deno.test("disks: made by size, taken by path, named by serial, refused if unclear", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const disks = [{ sizeBytes: 4096 }, { path: "/x.img", serial: "spare", bus: "nvme" }] as const;
    const { machine, modules } = await planGuest({ ...OPTIONS, disks }, dir, false);
    assert.deepEqual(machine.disks.map(({ path, serial }) => ({ path, serial })), [
      { path: `${dir}/disk0.img`, serial: "disk0" },
      { path: "/x.img", serial: "spare" },
    ]);
    assert.equal((await Deno.stat(`${dir}/disk0.img`)).size, 4096);
    assert.ok(modules.includes("nvme") && modules.includes("virtio_blk"));
    await assert.rejects(
      planGuest({ ...OPTIONS, disks: [{}] }, dir, false),
      /neither path nor size/,
    );
    const both = [{ path: "/x", sizeBytes: 1 }];
    await assert.rejects(planGuest({ ...OPTIONS, disks: both }, dir, false), /a path and a size/);
    const odd = [{ sizeBytes: 1, serial: "a,b" }];
    await assert.rejects(planGuest({ ...OPTIONS, disks: odd }, dir, false), /not a plain word/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("the kernel says whether its CPUs share a thread", async () => {
  const several = await planGuest(OPTIONS, "/nonexistent", false);
  assert.equal(several.machine.oneThread, false);
  const shy = { ...OPTIONS, kernel: { ...kernel, oneThread: true as const } };
  assert.equal((await planGuest(shy, "/nonexistent", false)).machine.oneThread, true);
});

Deno.test("words survive the shell", () => {
  assert.equal(shellQuote("it's $HOME"), `'it'\\''s $HOME'`);
});

Deno.test("a hostile argument reaches the program as it is", async () => {
  const { job } = await planGuest(
    { ...OPTIONS, argv: ["printf", "%s|", "a b", "$(id)", "it's", "x\ny"], cwd: "/" },
    "/nonexistent",
    false,
  );
  const home = await Deno.makeTempDir();
  try {
    const script = jobScript({ ...job, env: { ...job.env, HOME: home } });
    const output = await new Deno.Command("/bin/sh", { args: ["-c", script] }).output();
    assert.equal(new TextDecoder().decode(output.stdout), "a b|$(id)|it's|x\ny|");
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
