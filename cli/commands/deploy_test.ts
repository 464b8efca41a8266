// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { runTool } from "./support/fake_mapper.ts";

async function below(test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("timer and cron together are refused, one after the other is told of", () =>
  below(async (root) => {
    const both = await runTool(["deploy", "install", "cron", "timer", "--root", root]);
    assert.equal(both.code, 2);
    assert.match(both.err, /would both run the backup/);
    assert.deepEqual([...Deno.readDirSync(root)], []);
    const cron = await runTool(["deploy", "install", "cron", "--root", root]);
    assert.deepEqual([cron.code, /warning/.test(cron.err)], [0, false]);
    const timer = await runTool(["deploy", "install", "timer", "--root", root]);
    assert.equal(timer.code, 0);
    assert.match(timer.err, /^warning: \S+\/etc\/cron.d\/dmremap-backup is there as well/m);
    const again = await runTool(["deploy", "install", "cron", "--root", root]);
    assert.match(again.err, /^warning: \S+\/dmremap-backup.timer is there as well/m);
  }));

Deno.test("a dry run names the files below the root, and writes none", () =>
  below(async (root) => {
    const { code, out } = await runTool(["deploy", "install", "timer", "--root", root, "-n"]);
    assert.equal(code, 0);
    assert.ok(out.includes(`deploy/systemd/dmremap-backup.timer ${root}/etc/systemd/`), out);
    assert.deepEqual([...Deno.readDirSync(root)], []);
  }));

Deno.test("a file that cannot be written is named, and leaves no other behind", () =>
  below(async (root) => {
    const place = join(root, "etc/cron.d/dmremap-backup");
    await Deno.mkdir(place, { recursive: true });
    const { code, err } = await runTool(["deploy", "install", "cron", "--root", root]);
    assert.equal(code, 1);
    assert.match(err, new RegExp(`^error: ${place}: cannot be written`));
    assert.deepEqual([...Deno.readDirSync(join(place, ".."))].map(({ name }) => name), [
      "dmremap-backup",
    ]);
  }));
