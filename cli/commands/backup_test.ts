// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { metricOf } from "../output/textfile.ts";
import { openStore } from "../store/open.ts";
import { hookWords } from "./backup_hook.ts";
import { takeLock } from "./backup_lock.ts";
import { backupMetrics, type BackupRun } from "./backup_run.ts";
import { type FakeDevice, FakeMapper, HEALTHY, LOSING, runTool } from "./support/fake_mapper.ts";

/** A device whose table never changes. */
function device(
  { line = "8 4 remapped 5000", counts = "remapped=4 lost=0", losing = false } = {},
): FakeDevice {
  const status = losing ? LOSING : HEALTHY.replace("remapped=0 lost=0", counts);
  return {
    status,
    answer: (message) => {
      if (message === "stats") return "table_changes=3";
      return Number(message.split(" ")[1]) <= 8 ? line : "";
    },
  };
}

/** Runs it with a folder of its own. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const mapper = (devices: Record<string, FakeDevice>) =>
  Object.assign(new FakeMapper(devices), { versions: () => [] });

Deno.test("backup says nothing if all is well, and keeps all devices", () =>
  inFolder(async (folder) => {
    const store = join(folder, "new/snapshots.db");
    const both = mapper({ r0: device(), r1: device({ line: "", counts: "remapped=0 lost=0" }) });
    assert.deepEqual(await runTool(["backup", "--store", store], both), {
      code: 0,
      out: "",
      err: "",
    });
    using opened = openStore(store, { readOnly: true });
    const heads = opened.heads();
    assert.deepEqual(heads.map(({ device, entries }) => [device.name, entries]), [["r0", 1], [
      "r1",
      0,
    ]]);
    assert.deepEqual(heads.map(({ reason, withData }) => [reason, withData]), [
      ["backup", false],
      ["backup", false],
    ]);
    assert.equal((Deno.statSync(store).mode ?? 0) & 0o077, 0);
  }));

Deno.test("nothing is made where there are no devices, and without a device mapper", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    assert.equal((await runTool(["backup", "--store", store], mapper({}))).code, 0);
    assert.equal((await runTool(["backup", "--store", store])).code, 6);
    assert.equal((await runTool(["snapshot", "take", "--store", store])).code, 6);
    assert.throws(() => Deno.statSync(store), Deno.errors.NotFound);
  }));

Deno.test("a device that fails is told of, the others are kept, old ones go all the same", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    const prom = join(folder, "x.prom");
    const args = ["backup", "--store", store, "--textfile", prom, "--keep-last", "1"];
    const broken = { ...device(), answer: () => "what?" };
    for (let round = 0; round < 2; round++) {
      const failed = await runTool(args, mapper({ r0: broken, r1: device() }));
      assert.deepEqual([failed.code, failed.out], [1, ""]);
      assert.match(failed.err, /^error: .*unreadable/);
    }
    const text = Deno.readTextFileSync(prom);
    assert.match(text, /^dmremap_backup_device_success\{device="r0"\} 0$/m);
    assert.match(text, /^dmremap_backup_snapshots\{device="r1"\} 1$/m);
    assert.equal(metricOf(text, "dmremap_backup_last_success_timestamp_seconds"), undefined);
    const json = JSON.parse((await runTool([...args, "--json"], mapper({ r0: broken }))).out);
    assert.deepEqual([json.exit_code, json.devices[0].state], [1, "failed"]);
  }));

Deno.test("a device with lost sectors: exit code 3, a warning, no failure", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    const hook = join(folder, "called");
    const losing = device({ line: "8 3 remapped 5000\n20 2 lost 5010", losing: true });
    const args = ["backup", "--store", store, "--on-failure", `touch ${hook}`];
    const { code, out, err } = await runTool(args, mapper({ r0: losing }));
    assert.deepEqual([code, out], [3, ""]);
    assert.match(err, /^warning: r0: not well/);
    assert.throws(() => Deno.statSync(hook), Deno.errors.NotFound);
    assert.equal(
      (await runTool(["backup", "--store", store, "-q"], mapper({ r0: losing }))).code,
      3,
    );
  }));

Deno.test("a dry run takes and removes nothing", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    const words = ["backup", "--store", store, "--keep-last", "1"];
    assert.match((await runTool([...words, "-n"], mapper({ r0: device() }))).out, /would be taken/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await runTool(["backup", "--store", store], mapper({ r0: device() }));
    await runTool(["backup", "--store", store], mapper({ r0: device() }));
    const { out } = await runTool([...words, "-n"], mapper({ r0: device() }));
    assert.match(out, /^r0: would be taken.*\n1 snapshot would be removed\n$/);
    using opened = openStore(store, { readOnly: true });
    assert.equal(opened.heads().length, 2);
  }));

Deno.test("another one at work: exit code 5, the hook is told, the metrics are left alone", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    const prom = join(folder, "x.prom");
    const hook = join(folder, "hook");
    const told = join(folder, "told");
    const script =
      `#!/bin/sh\necho "$1 $DMREMAP_BACKUP_EXIT_CODE $DMREMAP_BACKUP_ERROR" >${told}\n`;
    Deno.writeTextFileSync(hook, script, { mode: 0o755 });
    const args = ["backup", "--store", store, "--textfile", prom, "--on-failure", `${hook} word`];
    {
      using _lock = takeLock(`${store}.lock`);
      const { code, err } = await runTool(args, mapper({ r0: device() }));
      assert.equal(code, 5);
      assert.match(err, /another backup \(process \d+\) is at work/);
      assert.equal(Deno.readTextFileSync(told), "word 5 busy\n");
      assert.throws(() => Deno.statSync(prom), Deno.errors.NotFound);
    }
    assert.equal((await runTool(args, mapper({ r0: device() }))).code, 0);
  }));

Deno.test("a failure of all is in the metrics, and the last success stays", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    const prom = join(folder, "x.prom");
    const args = ["backup", "--store", store, "--textfile", prom];
    assert.equal((await runTool(args, mapper({ r0: device() }))).code, 0);
    const before = Deno.readTextFileSync(prom);
    assert.equal((await runTool(args)).code, 6);
    const after = Deno.readTextFileSync(prom);
    const success = "dmremap_backup_last_success_timestamp_seconds";
    assert.equal(metricOf(after, success), metricOf(before, success));
    assert.equal(metricOf(after, "dmremap_backup_exit_code"), 6);
    assert.match(after, /^dmremap_backup_snapshots\{device="r0"\} 1$/m);
    const nowhere = await runTool(
      ["backup", "--store", store, "--textfile", join(folder, "none/x.prom")],
      mapper({ r0: device() }),
    );
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.err, /metrics cannot be written/);
  }));

Deno.test("metrics that cannot be written: the hook is told, and no other failure is hidden", () =>
  inFolder(async (folder) => {
    const told = join(folder, "told");
    const hook = join(folder, "hook");
    const script = `#!/bin/sh\necho "$DMREMAP_BACKUP_EXIT_CODE" >>${told}\n`;
    Deno.writeTextFileSync(hook, script, { mode: 0o755 });
    const args = ["backup", "--store", join(folder, "snapshots.db"), "--on-failure", hook];
    args.push("--textfile", join(folder, "none/x.prom"));
    assert.equal((await runTool(args, mapper({ r0: device() }))).code, 1);
    const { code, err } = await runTool(args);
    assert.equal(code, 6);
    assert.doesNotMatch(err, /metrics/);
    assert.equal(Deno.readTextFileSync(told), "1\n6\n");
  }));

Deno.test("a hook that fails, or is none, is a warning; the exit code stays", () =>
  inFolder(async (folder) => {
    const store = join(folder, "snapshots.db");
    for (const hook of ["false", join(folder, "none")]) {
      const { code, err } = await runTool(["backup", "--store", store, "--on-failure", hook]);
      assert.equal(code, 6);
      assert.match(err, /^warning: --on-failure: .*(ended with 1|could not be run)/);
    }
  }));

Deno.test("the words of a hook: cut at blanks, unless a program has them in its name", () =>
  inFolder((folder) => {
    const odd = join(folder, "a program");
    Deno.writeTextFileSync(odd, "");
    assert.deepEqual(hookWords(odd), [odd]);
    assert.deepEqual(hookWords("/none/x  a $(b);c"), ["/none/x", "a", "$(b);c"]);
    return Promise.resolve();
  }));

Deno.test("jitter and retention are checked before anything else", async () => {
  for (
    const words of [["--jitter", "-1"], ["--jitter", "1.5"], ["--keep-last", "0"], [
      "--keep-within",
      "soon",
    ]]
  ) {
    assert.equal((await runTool(["backup", ...words], mapper({}))).code, 2, words.join(" "));
  }
});

Deno.test("the metrics of a run without a store", () => {
  const run: BackupRun = {
    store: "x",
    startedMs: 1_000_000,
    endedMs: 1_002_500,
    exitCode: 1,
    outcomes: [],
  };
  const text = backupMetrics(run, "dmremap_backup_last_success_timestamp_seconds 12\n");
  assert.equal(metricOf(text, "dmremap_backup_duration_seconds"), 2.5);
  assert.equal(metricOf(text, "dmremap_backup_last_success_timestamp_seconds"), 12);
  assert.equal(metricOf(text, "dmremap_backup_success"), 0);
});
