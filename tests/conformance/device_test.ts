// SPDX-License-Identifier: GPL-2.0-only
// Devices that are not what they should be, for every command that takes one.
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  deviceCommands,
  eachCommand,
  errorOf,
  goodArguments,
  hasDeviceMapper,
  runHere,
  runTool,
  runWords,
  typed,
} from "./tool.ts";

const NONE = "conformance-none";
const mapper = await hasDeviceMapper();

Deno.test(
  mapper ? "a device that is not there" : "no device mapper: exit code 6 everywhere",
  async (t) => {
    await eachCommand(t, deviceCommands(), async (command) => {
      const args = [...command.path, ...goodArguments(command, NONE)];
      const plain = await runTool(args);
      const code = mapper ? 1 : 6;
      assert.deepEqual([plain.code, plain.stdout], [code, ""]);
      assert.match(plain.stderr, mapper ? /^error: conformance-none: / : /device mapper/);
      assert.match(plain.stderr, /\n {2}do: /);
      assert.ok(command.doc.exits.includes(code), "its help does not tell of that code");
      const json = await runHere(["--json", ...args]);
      assert.equal(json.code, code);
      assert.equal(errorOf(json)["code"], mapper ? "not-found" : "no-device-mapper");
    });
  },
);

Deno.test("a directory, a file, and a wild name in place of a device", async (t) => {
  await eachCommand(t, deviceCommands(), async (command) => {
    for (const name of ["/tmp", "/etc/passwd", "../r0", "a b", "x".repeat(200)]) {
      const args = [...command.path, ...goodArguments(command, name)];
      if (command.arguments[0]?.required === false) args.push(name);
      const result = await runHere([...args, "--json"]);
      assert.deepEqual([result.code, result.stdout], [2, ""], name);
      assert.equal(errorOf(result)["code"], "usage");
    }
  });
});

Deno.test("a dry run touches nothing, so it needs no device", async (t) => {
  for (const command of deviceCommands()) {
    if (!["remap", "unmap", "clear", "remove", "verify"].includes(typed(command))) continue;
    await t.step(typed(command), async () => {
      const { code, stdout } = await runTool([
        "-n",
        ...command.path,
        ...goodArguments(command, NONE),
      ]);
      assert.equal(code, 0);
      assert.match(stdout, /^dmsetup (message conformance-none 0 |remove conformance-none)/);
    });
  }
});

Deno.test("without a terminal and --yes nothing is destroyed", async (t) => {
  for (const words of [["remove", NONE], ["clear", NONE], ["unmap", NONE, "8", "--force"]]) {
    await t.step(words.join(" "), async () => {
      const { code } = await runTool(words);
      assert.ok([1, 2, 6].includes(code), `exit code ${code}`);
    });
  }
});

/** A block device over a sparse file, as long as loop devices can be had here. */
async function loopDevice(
  bytes: number,
): Promise<({ readonly path: string } & AsyncDisposable) | undefined> {
  const file = await Deno.makeTempFile();
  await Deno.truncate(file, bytes);
  const release = async (path?: string) => {
    if (path !== undefined) await runWords(["losetup", "--detach", path]);
    await Deno.remove(file);
  };
  try {
    const { code, stdout } = await runWords(["losetup", "--find", "--show", file]);
    const path = stdout.trim();
    if (code === 0) return { path, [Symbol.asyncDispose]: () => release(path) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await release();
  return undefined;
}

async function creation(main: string, spare: string, ...more: string[]): Promise<[number, string]> {
  const result = await runTool(["create", NONE, main, spare, "--volatile", "--json", ...more]);
  return [result.code, `${errorOf(result)["code"]}`];
}

Deno.test("create: what is no block device", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "image");
    await Deno.writeFile(file, new Uint8Array(4096));
    for (const path of [folder, file, "/dev/null"]) {
      await t.step(path, async () => {
        assert.deepEqual(await creation(path, path), [1, "not-a-block-device"]);
      });
    }
    assert.deepEqual(await creation(join(folder, "none"), file), [1, "not-found"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("create: tiny, overlapping and signed devices", async () => {
  const mebibyte = 1024 * 1024;
  await using main = await loopDevice(16 * mebibyte);
  await using spare = await loopDevice(16 * mebibyte);
  if (main === undefined || spare === undefined) return;
  const longer = ["--length", "65536"];
  assert.deepEqual(await creation(main.path, spare.path, ...longer), [1, "too-small"]);
  assert.deepEqual(await creation(main.path, main.path), [1, "overlap"]);
  const made = await runWords(["mkfs.ext4", "-q", spare.path]);
  if (made.code === 0) {
    assert.deepEqual(await creation(main.path, spare.path), [1, "signature"]);
  }
});

Deno.test("create: a dry run prints a table line that dmsetup takes", async () => {
  await using main = await loopDevice(1024 * 1024);
  await using spare = await loopDevice(1024 * 1024);
  if (main === undefined || spare === undefined) return;
  const words = ["create", NONE, main.path, spare.path, "--volatile", "--retries", "5", "-n"];
  const { code, stdout } = await runTool(words);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^dmsetup create conformance-none --table '0 2048 remap 7:\d+ 0 7:\d+ 0 2048 3 volatile retries 5'\n$/,
  );
});

Deno.test("create: a device that this user may not read", async () => {
  const packed = Deno.env.get("DMREMAP_BIN");
  if (Deno.uid() !== 0 || packed === undefined || packed === "") return;
  await using main = await loopDevice(1024 * 1024);
  if (main === undefined) return;
  const copy = await Deno.makeTempDir({ dir: "/tmp" });
  try {
    // The file is copied to where a stranger may run it.
    const program = join(copy, "dmremap-ts");
    await Deno.copyFile(packed, program);
    await Deno.chmod(program, 0o755);
    await Deno.chmod(copy, 0o755);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const args = ["create", NONE, main.path, main.path, "--volatile", "--json"];
    const result = await runWords([...nobody, program, ...args], { env: { HOME: copy } });
    assert.equal(result.code, 1, result.stderr);
    assert.equal(typeof errorOf(result)["code"], "string");
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});
