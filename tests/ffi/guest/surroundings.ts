// SPDX-License-Identifier: GPL-2.0-only
// The binding where there is no udev, where there is, and where it may not do anything.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mangle } from "../../../ffi/dm_names.ts";
import { must } from "./support.ts";

const UDEVD = ["/lib/systemd/systemd-udevd", "/usr/lib/systemd/systemd-udevd"].find(existsSync);
const PROGRAM = `${import.meta.dirname}/nodes.ts`;

interface Report {
  readonly readable: boolean;
  readonly made: readonly string[];
  readonly renamed: readonly string[];
  readonly left: readonly string[];
}

/** Runs nodes.ts with an environment of its own. */
async function report(env: Record<string, string>, unset: readonly string[]): Promise<Report> {
  const all: Record<string, string> = { ...Deno.env.toObject(), ...env };
  for (const name of unset) delete all[name];
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM],
    clearEnv: true,
    env: all,
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  assert.equal(decoder.decode(stderr), "", "the library keeps quiet");
  return JSON.parse(decoder.decode(stdout)) as Report;
}

function check(seen: Report): void {
  const names = ["plain", "with blank", "quote'\"$", "ä"];
  assert.deepEqual(seen.made, names.map(mangle).sort());
  assert.equal(seen.readable, true);
  assert.ok(seen.renamed.includes("renamed") && !seen.renamed.includes("plain"));
  assert.deepEqual(seen.left, []);
}

Deno.test("without udev, told so", async () => {
  check(await report({ DM_DISABLE_UDEV: "1" }, []));
});

Deno.test("without udev, not told so", async () => {
  check(await report({}, ["DM_DISABLE_UDEV"]));
});

Deno.test("without the permission to do anything", async () => {
  const program = `
    import { DeviceMapper } from ${
    JSON.stringify(new URL("../../../ffi/libdevmapper.ts", import.meta.url).href)
  };
    using dm = DeviceMapper.open();
    try { dm.list(); } catch (error) { console.log(error.name, error.code, error.message); }
  `;
  const path = "/tmp/nobody.ts";
  Deno.writeTextFileSync(path, program);
  Deno.chmodSync(path, 0o644);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", path],
    env: { HOME: "/tmp/nobody", DENO_DIR: "/tmp/nobody/deno" },
    uid: 65534,
    stdout: "piped",
    stderr: "piped",
  });
  Deno.mkdirSync("/tmp/nobody");
  Deno.chownSync("/tmp/nobody", 65534, 65534);
  const { stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^NoDeviceMapperError EACCES .*run as root/, new TextDecoder().decode(stderr));
});

Deno.test({
  name: "with udev running: it makes the nodes, and we wait for it",
  ignore: UDEVD === undefined,
  fn: async () => {
    Deno.mkdirSync("/run/udev", { recursive: true });
    const udevd = new Deno.Command(UDEVD!, { stdout: "null", stderr: "null" }).spawn();
    try {
      for (let i = 0; i < 250 && !existsSync("/run/udev/control"); i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await must("udevadm", "settle");
      check(await report({}, ["DM_DISABLE_UDEV"]));
      assert.match(await must("ipcs", "-s"), /Semaphore Arrays/);
      assert.doesNotMatch(await must("ipcs", "-s"), /0x0d4d/, "every cookie is freed");
    } finally {
      udevd.kill("SIGTERM");
      await udevd.status;
      Deno.removeSync("/run/udev", { recursive: true });
    }
  },
});
