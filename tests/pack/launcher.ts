// SPDX-License-Identifier: GPL-2.0-only
// What the launcher hands on, seen by a small program packed in place of the tool.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Checks, type Outcome, outcome, type RunOptions } from "./checks.ts";

interface Report {
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
  readonly execPath: string;
  readonly embedded: number;
  readonly licence: number;
}

/** `probe` is a packed probe.ts in a folder of its own. */
export async function checkLauncher(checks: Checks, probe: string): Promise<void> {
  await checkArguments(checks, probe);
  await checkEnvironment(checks, probe);
  await checkFiles(checks, probe);
  await checkProcess(checks, probe);
}

async function report(command: readonly string[], options: RunOptions = {}): Promise<Report> {
  const { code, stdout, stderr } = await outcome(command, options);
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

async function checkArguments(checks: Checks, probe: string): Promise<void> {
  await checks.check("arguments arrive as they were given", async () => {
    const args = ["", "report", "a b", "--version", "-A", "--", "--help", "\n", "ü€😀", "'\"$x\\"];
    assert.deepEqual((await report([probe, ...args])).args, args);
    assert.deepEqual((await report([probe])).args, []);
  });

  await checks.check("thousands of arguments arrive", async () => {
    const args = Array.from({ length: 20_000 }, (_, i) => `argument ${i}`);
    assert.deepEqual((await report([probe, ...args])).args, args);
  });

  await checks.check("arguments that are not UTF-8 do not stop it", async () => {
    const { code, stdout } = await outcome(["sh", "-c", `"$0" "$(printf 'a\\377b')"`, probe]);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout).args, ["a\ufffdb"]);
  });

  await checks.check("an empty argv[0] does no harm", async () => {
    const { stdout } = await outcome(["bash", "-c", `exec -a "" "$0" x`, probe]);
    assert.deepEqual(JSON.parse(stdout).args, ["x"]);
  });
}

async function checkEnvironment(checks: Checks, probe: string): Promise<void> {
  await checks.check(
    "the environment arrives, without what is meant for another Deno",
    async () => {
      const foreign = {
        DENO_DIR: "/nonexistent",
        DENO_V8_FLAGS: "--no-such-flag",
        DENO_COVERAGE_DIR: "/nonexistent",
        OTEL_DENO: "true",
        NODE_OPTIONS: "--no-such-option",
      };
      const own = { HOME: "/nonexistent", EMPTY: "", SPACES: " a  b ", NO_COLOR: "1" };
      const { env } = await report([probe], { clearEnv: true, env: { ...foreign, ...own } });
      for (const [name, value] of Object.entries(own)) assert.equal(env[name], value, name);
      for (const name of ["DENO_V8_FLAGS", "DENO_COVERAGE_DIR", "OTEL_DENO", "NODE_OPTIONS"]) {
        assert.equal(env[name], undefined, name);
      }
      assert.equal(env["DENO_DIR"], "/dev/null/deno");
    },
  );

  await checks.check("an empty environment is enough", async () => {
    const { env } = await report([probe], { clearEnv: true });
    assert.equal(env["DMREMAP_SELF"], probe);
  });

  await checks.check("DMREMAP_SELF is the absolute path, however it was started", async () => {
    const folder = join(probe, "..");
    const link = join(folder, "link");
    await Deno.symlink("probe", link);
    const starts: [string[], RunOptions][] = [
      [[probe], {}],
      [["./probe"], { cwd: folder }],
      [[link], { cwd: "/" }],
      [["sh", "-c", "probe"], { cwd: "/", env: { PATH: `${folder}:${Deno.env.get("PATH")}` } }],
      [[probe], { env: { DMREMAP_SELF: "/nonexistent" } }],
    ];
    for (const [command, options] of starts) {
      const { env, execPath } = await report(command, options);
      assert.equal(env["DMREMAP_SELF"], probe);
      assert.equal(execPath, probe);
    }
  });
}

async function checkFiles(checks: Checks, probe: string): Promise<void> {
  await checks.check("the user's deno.json, .npmrc and .env are not read", async () => {
    const folder = await Deno.makeTempDir();
    for (const name of ["deno.json", "package.json", ".npmrc", ".env", "deno.lock"]) {
      await Deno.writeTextFile(join(folder, name), "{ = ${BROKEN");
    }
    const { cwd } = await report([probe], { cwd: folder, env: { HOME: folder } });
    assert.equal(cwd, await Deno.realPath(folder));
    assert.equal([...Deno.readDirSync(folder)].length, 5, "something was written");
    await Deno.remove(folder, { recursive: true });
  });

  await checks.check("the embedded files come from the packed file", async () => {
    const { embedded, licence } = await report([probe], { cwd: "/" });
    assert.ok(embedded > 10, `${embedded}`);
    assert.equal(licence, (await Deno.stat("LICENSE")).size);
  });
}

async function checkProcess(checks: Checks, probe: string): Promise<void> {
  await checks.check("exit codes pass through", async () => {
    for (const code of [0, 1, 3, 6, 130, 255]) {
      assert.equal((await outcome([probe, "exit", `${code}`])).code, code);
    }
  });

  await checks.check("stdin passes through, megabytes of it", async () => {
    const text = "0123456789abcdef".repeat(1 << 17);
    const { stdout } = await outcome([probe, "cat"], { stdin: text });
    assert.ok(stdout === text);
  });

  await checks.check("it is one process, and a signal ends it as a signal", async () => {
    const child = new Deno.Command(probe, { args: ["sleep"], stdout: "piped" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    const name = await Deno.readTextFile(`/proc/${child.pid}/comm`);
    assert.equal(name, "probe\n");
    child.kill("SIGTERM");
    assert.equal((await child.status).signal, "SIGTERM");
    await reader.cancel();
  });

  await checks.check("closed standard streams do no harm", async () => {
    const script = `"$0" exit 7 <&- >&- 2>&-`;
    assert.equal((await outcome(["sh", "-c", script, probe])).code, 7);
    const { stdout } = await outcome(["sh", "-c", `"$0" report <&- 2>&-`, probe]);
    assert.deepEqual(JSON.parse(stdout).args, ["report"]);
  });

  await checks.check("child processes inherit none of its files", async () => {
    const list = 'for f in /proc/self/fd/*; do readlink "$f" || true; done';
    const { code, stdout } = await outcome([probe, "spawn", "sh", "-c", list]);
    assert.equal(code, 0);
    assert.doesNotMatch(stdout, /memfd|probe/);
  });

  await checks.check("many at once", async () => {
    const runs: Promise<Outcome>[] = [];
    for (let i = 0; i < 8; i++) runs.push(outcome([probe, "exit", `${i}`]));
    assert.deepEqual((await Promise.all(runs)).map(({ code }) => code), [0, 1, 2, 3, 4, 5, 6, 7]);
  });
}
