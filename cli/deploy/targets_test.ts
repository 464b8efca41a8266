// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { NoDeviceMapperError } from "../../ffi/errors.ts";
import { run } from "../app.ts";
import { Session } from "../commands/support/session.ts";
import { listEmbedded, readEmbeddedText } from "../embed/files.ts";
import { MemoryTerminal } from "../output/memory_terminal.ts";
import { install, PARTS, type Target, targets, USUAL_PARTS } from "./targets.ts";

Deno.test("every file of deploy/ has a place, and every part has files", () => {
  const all = targets();
  for (const path of listEmbedded("deploy/")) {
    assert.ok(all.some(({ source }) => source === path), path);
  }
  for (const each of PARTS) assert.ok(all.some(({ part }) => part === each), each);
});

Deno.test("what is run can be run, and is nobody's by default that somebody else runs as well", () => {
  const modes = new Map(targets().map(({ path, mode }) => [path, mode]));
  for (const [path, mode] of modes) {
    const isProgram = /\/(hooks|local-top|local-block)\/|\/backup-failed$/.test(path);
    assert.equal(mode, isProgram ? 0o755 : 0o644, path);
  }
  assert.ok(modes.has("/etc/dmremap-ts/backup-failed"));
  assert.deepEqual([...USUAL_PARTS].sort(), PARTS.filter((part) => part !== "cron").sort());
});

Deno.test("dkms finds the sources under their version", () => {
  const version = /PACKAGE_VERSION="([\d.]+)"/.exec(readEmbeddedText("kmod/dkms.conf"))?.[1];
  assert.ok(version !== undefined);
  const paths = targets().filter(({ part }) => part === "dkms").map(({ path }) => path);
  for (const path of paths) assert.ok(path.startsWith(`/usr/src/dm-remap-${version}/`), path);
  assert.ok(paths.includes(`/usr/src/dm-remap-${version}/dkms.conf`));
});

Deno.test("files are written with their modes, and a configuration is kept", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (const target of targets()) assert.equal(install(target, root), seen(root, target));
    const hook = "/etc/initramfs-tools/hooks/dmremap";
    assert.equal((await Deno.stat(join(root, hook))).mode! & 0o777, 0o755);
    const [configuration] = targets().filter(({ isConfiguration }) => isConfiguration);
    const own = join(root, configuration!.path);
    await Deno.writeTextFile(own, "DMREMAP_INITRAMFS=yes\n");
    await Deno.writeTextFile(join(root, hook), "old");
    const states = new Map(targets().map((target) => [target.path, install(target, root)]));
    assert.equal(states.get(configuration!.path), "kept");
    assert.equal(states.get(hook), "written");
    assert.equal(await Deno.readTextFile(own), "DMREMAP_INITRAMFS=yes\n");
    assert.ok([...states.values()].filter((state) => state === "written").length === 1);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("udev starts a unit that is installed, with a command that there is", async () => {
  const rule = readEmbeddedText("deploy/udev/65-dmremap-return.rules");
  const [, unit = ""] = /SYSTEMD_WANTS\}\+="([^"]+)"/.exec(rule) ?? [];
  const source = `systemd/${unit.replace("$kernel", "")}`;
  const found = targets().find((target) => target.source === `deploy/${source}`);
  assert.equal(found?.part, "systemd", source);
  const [, command = ""] = /^ExecStart=\/usr\/local\/sbin\/dmremap-ts (.*)$/m
    .exec(readEmbeddedText(`deploy/${source}`)) ?? [];
  const terminal = new MemoryTerminal();
  const openDeviceMapper = () => {
    throw new NoDeviceMapperError("version", "", 19);
  };
  assert.equal(await run(command.split(" "), new Session({ terminal, openDeviceMapper })), 6);
});

const paths = new Set<string>();

/** Some files belong to two parts. */
function seen(root: string, { path, isConfiguration }: Target): string {
  const key = root + path;
  if (paths.has(key)) return isConfiguration ? "kept" : "unchanged";
  paths.add(key);
  return "written";
}

Deno.test("the shell scripts are shell", async () => {
  for (const { source, mode } of targets()) {
    if (mode !== 0o755) continue;
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-n", join(import.meta.dirname ?? "", "..", "..", source)],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
  }
});
