// SPDX-License-Identifier: GPL-2.0-only
// `backup`: quiet, alone, and honest about what failed.
import assert from "node:assert/strict";
import { metricOf } from "../../../cli/output/textfile.ts";
import { errorCode, expect, json, type Step } from "../../conformance/guest/tool.ts";
import { AT, sh } from "./devices.ts";

const METRICS = "/tmp/dmremap.prom";
const RECORD = "/tmp/failure";
const WATCHED = ["backup", "--with-data", "--textfile", METRICS, ...AT];

/** Writes down what it finds in its environment, and its words. */
const HOOK = `#!/bin/sh
{ echo "words=$*"; env | grep ^DMREMAP_BACKUP_ | sort; } >${RECORD}
`;

function metric(name: string): number | undefined {
  return metricOf(Deno.readTextFileSync(METRICS), `dmremap_backup_${name}`);
}

/** A value with one label. */
function labelled(name: string, device: string): string | undefined {
  const line = new RegExp(`^dmremap_backup_${name}\\{device="${device}"\\} (\\S+)$`, "m");
  return line.exec(Deno.readTextFileSync(METRICS))?.[1];
}

function record(): Map<string, string> {
  const text = Deno.readTextFileSync(RECORD);
  Deno.removeSync(RECORD);
  return new Map(
    text.trim().split("\n").map((line) => {
      const [key = "", ...value] = line.split("=");
      return [key.replace("DMREMAP_BACKUP_", ""), value.join("=")];
    }),
  );
}

export const BACKUP_STEPS: readonly Step[] = [
  ["all devices, not a word, metrics for everybody to read", async () => {
    await expect(0, "create", "r1", "/dev/lab/other", "/dev/lab/room");
    const { out, err } = await expect(0, ...WATCHED);
    assert.deepEqual([out, err], ["", ""]);
    assert.deepEqual([metric("success"), metric("exit_code")], [1, 0]);
    assert.equal(metric("last_success_timestamp_seconds"), metric("timestamp_seconds"));
    assert.ok(Math.abs((metric("timestamp_seconds") ?? 0) - Date.now() / 1000) < 60);
    assert.deepEqual([labelled("snapshots", "r0"), labelled("snapshots", "r1")], ["3", "1"]);
    assert.equal((Deno.statSync(METRICS).mode ?? 0) & 0o777, 0o644);
    const { snapshots } = await json(0, "snapshot", "list", "r1", ...AT);
    assert.deepEqual([snapshots[0].reason, snapshots[0].with_data], ["backup", true]);
  }],
  ["old ones go, in the same run", async () => {
    const done = await json(0, ...WATCHED, "--keep-last", "1");
    assert.deepEqual(done.devices.map((each: { state: string }) => each.state), ["taken", "taken"]);
    assert.deepEqual([done.removed.length, done.kept.length], [4, 2]);
    assert.equal(labelled("snapshots", "r0"), "1");
  }],
  ["one device fails, the others are kept; the hook and the metrics tell", async () => {
    await Deno.writeTextFile("/tmp/hook", HOOK, { mode: 0o755 });
    const before = metric("last_success_timestamp_seconds");
    await sh("dmsetup suspend r0");
    const words = [...WATCHED, "--on-failure", "/tmp/hook some words"];
    const { out, err } = await expect(5, ...words);
    await sh("dmsetup resume r0");
    assert.equal(out, "");
    assert.match(err, /^error: r0: is suspended.*\n {2}do: /);
    const told = record();
    assert.deepEqual(
      [told.get("words"), told.get("EXIT_CODE"), told.get("FAILED"), told.get("TAKEN")],
      ["some words", "5", "r0", "r1"],
    );
    assert.match(told.get("MESSAGE") ?? "", /^r0: is suspended/);
    assert.deepEqual([metric("success"), metric("exit_code")], [0, 5]);
    assert.equal(metric("last_success_timestamp_seconds"), before);
    assert.deepEqual([labelled("device_success", "r0"), labelled("device_success", "r1")], [
      "0",
      "1",
    ]);
    assert.equal((await json(0, "snapshot", "list", "r1", ...AT)).snapshots.length, 2);
    assert.equal((await json(0, "snapshot", "list", "r0", ...AT)).snapshots.length, 1);
  }],
  ["a degraded device is no failure, but is told of", async () => {
    await sh("dmsetup message r0 0 unmap 5000 force");
    await expect(3, "remap", "r0", "5000");
    const { out, err } = await expect(3, ...WATCHED, "--on-failure", "/tmp/hook");
    assert.equal(out, "");
    assert.match(err, /^warning: r0: not well/);
    assert.throws(record, Deno.errors.NotFound);
    assert.deepEqual([metric("success"), metric("exit_code")], [1, 3]);
    await sh("dmsetup message r0 0 unmap 5000 force");
  }],
  ["another one at work: exit code 5, and the metrics stay its own", async () => {
    const lock = "/tmp/store/snapshots.db.lock";
    const holder = new Deno.Command("flock", { args: [lock, "sleep", "100"] }).spawn();
    while ((await new Deno.Command("flock", { args: ["-n", lock, "true"] }).output()).success);
    const before = Deno.readTextFileSync(METRICS);
    const { err } = await expect(5, ...WATCHED, "--on-failure", "/tmp/hook");
    holder.kill("SIGKILL");
    await holder.status;
    await sh("pkill -x sleep || true");
    assert.match(err, /^error: \/tmp\/store\/snapshots\.db\.lock: another backup .*is at work/);
    assert.deepEqual([record().get("ERROR"), Deno.readTextFileSync(METRICS)], ["busy", before]);
  }],
  ["a store that is full, and one that is none: metrics all the same", async () => {
    await sh("mkdir -p /tmp/small && mount -t tmpfs -o size=60k small /tmp/small");
    const full = ["backup", "--with-data", "--textfile", METRICS, "--store", "/tmp/small/s.db"];
    assert.equal(await errorCode(1, ...full), "store-full");
    assert.deepEqual([metric("success"), metric("exit_code")], [0, 1]);
    await Deno.writeTextFile("/tmp/none.db", "no store at all, but long enough ".repeat(200));
    const none = ["backup", "--textfile", METRICS, "--store", "/tmp/none.db"];
    assert.equal(await errorCode(4, ...none), "store-damaged");
    assert.deepEqual([metric("success"), metric("exit_code")], [0, 4]);
    await sh("umount /tmp/small");
    assert.equal(await errorCode(1, ...WATCHED, "--textfile", "/none/x.prom"), "refused");
  }],
];
