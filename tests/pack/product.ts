// SPDX-License-Identifier: GPL-2.0-only
// The packed tool, copied alone into an empty directory of a machine without Deno.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Checks } from "./checks.ts";
import { Cell } from "./image.ts";

const TOOL = "./dmremap-ts";

export async function checkProduct(checks: Checks, image: string, file: string): Promise<void> {
  await using cell = await Cell.create(image, { "dmremap-ts": file });

  await checks.check("the image has no Deno, and the file is alone", async () => {
    const { stdout } = await cell.run(["sh", "-c", "ls -A; command -v deno node npx || true"]);
    assert.equal(stdout.trim(), "dmremap-ts");
  });

  await checks.check("--version tells tool, module, runtime and git version", async () => {
    const { code, stdout, stderr } = await cell.run([TOOL, "--version"]);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^dmremap-ts \d+\.\d+\.\d+\nmodule \d+\.\d+\.\d+\ndeno \d+\.\d+\.\d+\ngit \S+\n$/,
    );
    assert.ok(stdout.includes(`deno ${Deno.version.deno}\n`));
  });

  await checks.check("doctor --json says what this machine lacks", async () => {
    const { stdout } = await cell.run([TOOL, "doctor", "--json"]);
    const report = JSON.parse(stdout);
    assert.equal(report.schema_version, 1);
    assert.equal(report.ready, false);
    assert.ok(JSON.stringify(report.checks).includes("libdevmapper"));
  });

  await checkCommands(checks, cell);
  await checkSurroundings(checks, cell);
}

async function checkCommands(checks: Checks, cell: Cell): Promise<void> {
  const hasDriver = (await Deno.readTextFile("/proc/misc")).includes("device-mapper");
  await checks.check(`list ${hasDriver ? "with" : "without"} a device mapper`, async () => {
    const { code, stdout, stderr } = await cell.run([TOOL, "list"]);
    assert.equal(code, hasDriver ? 0 : 6);
    if (hasDriver) return;
    assert.equal(stdout, "");
    assert.match(stderr, /modprobe dm.mod/);
  });

  await checks.check("list without libdevmapper names the package", async () => {
    const hide = 'for f in /lib/*/libdevmapper.so*; do mount --bind /dev/null "$f"; done';
    const { code, stderr } = await cell.run(["sh", "-c", `${hide}; exec ${TOOL} list`]);
    assert.notEqual(code, 0);
    assert.match(stderr, /libdevmapper1\.02\.1/);
  });

  await checks.check("completion bash prints a script that bash accepts", async () => {
    const { code, stdout } = await cell.run([
      "bash",
      "-c",
      `set -o pipefail; ${TOOL} completion bash | bash -n && ${TOOL} completion bash`,
    ]);
    assert.equal(code, 0);
    assert.match(stdout, /complete .*dmremap-ts/);
  });

  await checks.check("man prints a manual page", async () => {
    const { code, stdout } = await cell.run([TOOL, "man"]);
    assert.equal(code, 0);
    assert.match(stdout, /^\.TH /m);
  });

  await checks.check("kmod build names what is missing, by package", async () => {
    const { code, stderr } = await cell.run([TOOL, "kmod", "build"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /apt-get install/);
  });

  await checks.check("a usage error ends with 2", async () => {
    assert.equal((await cell.run([TOOL, "--no-such-option"])).code, 2);
  });
}

async function checkSurroundings(checks: Checks, cell: Cell): Promise<void> {
  const works = async (
    command: readonly string[],
    options: Parameters<Cell["run"]>[1] = {},
  ): Promise<void> => {
    const { code, stdout, stderr } = await cell.run(command, options);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^dmremap-ts \d/);
  };

  await checks.check("runs without HOME, and as a user who owns nothing", async () => {
    await works([TOOL, "--version"], { user: "65534:65534" });
    await works([TOOL, "--version"], { user: "65534:65534", env: { HOME: "/nonexistent" } });
  });

  await checks.check("runs where nothing can be written", async () => {
    const touch = await cell.run(["sh", "-c", "touch x || touch /tmp/x"], { readOnly: true });
    assert.notEqual(touch.code, 0, "the image should be read-only");
    await works([TOOL, "--version"], { readOnly: true });
    await works([TOOL, "--version"], { readOnly: true, user: "65534:65534" });
  });

  await checks.check("runs through a symbolic link and through PATH", async () => {
    await works(["sh", "-c", `ln -s "$PWD/dmremap-ts" /tmp/link && cd / && /tmp/link --version`]);
    await works(["sh", "-c", `PATH="$PWD:$PATH"; cd / && dmremap-ts --version`]);
  });

  await checks.check("leaves nothing behind", async () => {
    const script = `mkdir home && HOME=$PWD/home ${TOOL} --help >/dev/null && ls -A . home /tmp`;
    const { stdout } = await cell.run(["sh", "-c", script + "; rmdir home"]);
    assert.deepEqual(stdout.split(/\s+/).filter(Boolean), [
      ".:",
      "dmremap-ts",
      "home",
      "/tmp:",
      "home:",
    ]);
  });

  await checks.check("without /proc it says so", async () => {
    const script = ["umount /proc", `${TOOL} --version`].join(" && ");
    const { code, stderr } = await cell.run(["sh", "-c", script]);
    assert.deepEqual([code, stderr], [
      1,
      "dmremap-ts: cannot open /proc/self/exe: is /proc mounted? (errno 2)\n",
    ]);
  });

  await checks.check("a file that may not be read says so", async () => {
    await Deno.chmod(join(cell.image, cell.inside, "dmremap-ts"), 0o711);
    const { code, stderr } = await cell.run([TOOL, "--version"], { user: "65534:65534" });
    assert.equal(code, 1);
    assert.match(stderr, /executed but not read/);
    await Deno.chmod(join(cell.image, cell.inside, "dmremap-ts"), 0o755);
  });
}
