// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { formatMetadata } from "../metadata/write.ts";
import { MemoryImage } from "../metadata/image.ts";
import { FakeMapper, HEALTHY, runTool, type ToolResult } from "./support/fake_mapper.ts";

/** Its table, and what the status says of it. */
type Table = readonly [lines: string, counts: string];

const ONE: Table = ["8 4 remapped 5000\n40 2 pending", "remapped=4 lost=2"];
const TWO: Table = ["8 2 remapped 5000\n10 2 lost 5002\n99 1 remapped 5010", "remapped=5 lost=2"];

function mapper(name: string, [lines, counts]: Table): FakeMapper {
  const pending = lines.includes("pending") ? 2 : 0;
  const status = HEALTHY.replace("remapped=0 lost=0", counts)
    .replace("pending=0", `pending=${pending}`);
  const answer = (message: string) => {
    if (message === "stats") return "table_changes=3";
    const from = Number(message.split(" ")[1]);
    return lines.split("\n").filter((line) => Number(line.split(" ")[0]) >= from).join("\n");
  };
  const devices = new FakeMapper({ [name]: { status, answer } });
  return Object.assign(devices, { versions: () => [{ name: "remap", version: "3.1.0" }] });
}

class Trial implements Disposable {
  readonly folder = Deno.makeTempDirSync();
  readonly store = join(this.folder, "snapshots.db");

  run(words: string, devices?: FakeMapper): Promise<ToolResult> {
    return runTool(["snapshot", ...words.split(" "), "--store", this.store], devices);
  }

  async json(words: string, devices?: FakeMapper) {
    const { out, err } = await this.run(`${words} --json`, devices);
    return JSON.parse(out === "" ? err : out);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("take, list, show: what was there is what is shown", async () => {
  using trial = new Trial();
  const taken = await trial.run("take r0 --reason why", mapper("r0", ONE));
  assert.equal(taken.code, 3);
  assert.equal(taken.out, "r0: snapshot 1: 4 sectors remapped, 2 pending\n");
  assert.match((await trial.run("list")).out, /^ID +DEVICE +TAKEN.*\n +1 +r0 .* why\n$/);
  assert.match((await trial.run("list r9")).err, /no snapshots/);
  const { snapshot, entries } = await trial.json("show latest --entries");
  assert.deepEqual([snapshot.id, snapshot.reason, snapshot.module_version], [1, "why", "3.1.0"]);
  assert.deepEqual(entries, [
    { start_sectors: 8, length_sectors: 4, state: "remapped", slot_sectors: 5000 },
    { start_sectors: 40, length_sectors: 2, state: "pending" },
  ]);
  const { out } = await trial.run("show 1 --entries");
  assert.match(out, /^snapshot 1 of r0\n/);
  assert.match(out, /\n +40 +1 KiB +pending +-\n$/);
});

Deno.test("diff between two snapshots, and with the device in use under another name", async () => {
  using trial = new Trial();
  await trial.run("take r0", mapper("r0", ONE));
  await trial.run("take r0", mapper("r0", TWO));
  const found = await trial.json("diff 1 2");
  assert.deepEqual(
    found.changes.map((each: Record<string, unknown>) => [each["start_sectors"], each["change"]]),
    [[10, "lost"], [40, "found"], [99, "relocated"]],
  );
  assert.deepEqual([found.summary.lost_sectors, found.equal], [2, false]);
  const live = await trial.run("diff latest --live", mapper("r0", TWO));
  assert.deepEqual([live.code, / r0 now: no difference\n$/.test(live.out)], [0, true]);
  const back = await trial.run("diff 2 --live r0", mapper("r0", ONE));
  assert.match(back.out, /2 sectors found unreadable on main, 2 sectors readable again/);
  for (const words of ["diff 1", "diff 1 2 --live", "diff 0 1", "diff 1 two"]) {
    assert.equal((await trial.run(words)).code, 2, words);
  }
  // Without an identity another name is another device.
  assert.equal((await trial.run("diff 1 --live r5", mapper("r5", ONE))).code, 1);
  assert.equal((await trial.json("diff 1 7")).error.code, "snapshot-not-found");
});

Deno.test("export to a file and to stdout, and import of both formats", async () => {
  using trial = new Trial();
  await trial.run("take r0", mapper("r0", ONE));
  const [json, sqlite] = ["one.json", "all.db"].map((name) => join(trial.folder, name));
  assert.match((await trial.run(`export 1 ${json}`)).out, /1 snapshot written/);
  assert.match((await trial.run(`export all ${sqlite} --format sqlite`)).out, /1 snapshot written/);
  assert.equal((await trial.run("export 1 -")).out, Deno.readTextFileSync(json!));
  assert.equal((await trial.run(`export 1 ${json}`)).code, 1);
  assert.equal((await trial.run(`export 1 ${json} --force`)).code, 0);
  assert.equal((await trial.run(`export all ${json}`)).code, 2);
  assert.equal((await trial.run("export 1 - --format sqlite")).code, 2);
  const other = ["--store", join(trial.folder, "other.db"), "--json"];
  for (const [index, file] of [json!, sqlite!].entries()) {
    const { out } = await runTool(["snapshot", "import", file, ...other]);
    const { snapshots: [one] } = JSON.parse(out);
    assert.deepEqual([one.id, one.new, one.remapped_sectors], [1, index === 0, 4]);
  }
  const none = ["snapshot", "import", join(trial.folder, "none"), "--store", `${trial.store}.new`];
  assert.equal((await runTool(none)).code, 1);
  assert.throws(() => Deno.statSync(`${trial.store}.new`), Deno.errors.NotFound);
});

Deno.test("prune keeps what is wanted, asks, and check finds the store sound", async () => {
  using trial = new Trial();
  for (const table of [ONE, TWO, ONE]) await trial.run("take r0", mapper("r0", table));
  assert.equal((await trial.run("prune")).code, 2);
  assert.match((await trial.run("prune --keep-last 1")).err, /not confirmed: removes 2 snapshots/);
  assert.match((await trial.run("prune --keep-last 1 -n")).out, /2 snapshots would be removed\n$/);
  assert.equal((await trial.json("list")).snapshots.length, 3);
  const { removed, kept } = await trial.json("prune --keep-last 1 --yes");
  assert.deepEqual([removed.length, kept[0].id, kept[0].reasons], [2, 3, ["last"]]);
  const report = await trial.json("check");
  assert.deepEqual([report.sound, report.snapshots, report.entries], [true, 1, 2]);
});

Deno.test("prune without a rule removes nothing, whatever is agreed to", async () => {
  using trial = new Trial();
  for (const table of [ONE, TWO]) await trial.run("take r0", mapper("r0", table));
  assert.equal((await trial.run("prune --yes")).code, 2);
  assert.equal((await trial.json("list")).snapshots.length, 2);
});

Deno.test("prune of one device leaves those of the others", async () => {
  using trial = new Trial();
  const other = (table: Table) => mapper("r1", table);
  for (const table of [ONE, TWO]) {
    await trial.run("take r0", mapper("r0", table));
    await trial.run("take r1", other(table));
  }
  const { removed, kept } = await trial.json("prune r1 --keep-last 1 --yes");
  const names = (list: { device: string }[]) => list.map(({ device }) => device);
  assert.deepEqual([names(removed), names(kept)], [["r1"], ["r1"]]);
  assert.equal((await trial.json("list")).snapshots.length, 3);
});

Deno.test("one damaged snapshot among others: exit code 4, and its number", async () => {
  using trial = new Trial();
  for (const table of [ONE, TWO]) await trial.run("take r0", mapper("r0", table));
  {
    using database = new DatabaseSync(trial.store);
    database.exec("UPDATE entries SET slot = slot + 1 WHERE snapshot = 2 AND first = 8");
  }
  const { code, out } = await trial.run("check --json");
  const { sound, snapshots, findings } = JSON.parse(out);
  assert.deepEqual([code, sound, snapshots, findings[0].snapshot], [4, false, 2, 2]);
});

Deno.test("a damaged store: exit code 4, and what is wrong", async () => {
  using trial = new Trial();
  await trial.run("take r0", mapper("r0", ONE));
  Deno.writeTextFileSync(trial.store, "something else, and more of it ".repeat(300));
  for (const words of ["list", "check", "show 1", "prune --keep-last 1 --yes"]) {
    const { code, err } = await trial.run(words);
    assert.equal(code, 4, words);
    assert.match(err, /\n {2}do: /);
  }
});

Deno.test("offline, from an image; and what is no spare", async () => {
  using trial = new Trial();
  const path = join(trial.folder, "spare.img");
  const image = new MemoryImage(8192 * 512);
  const geometry = { mainStart: 0, mainSectors: 9000, mainDeviceSectors: 9000, blockSectors: 1 };
  const spare = { spareStart: 0, spareSectors: 8192, spareDeviceSectors: 8192 };
  formatMetadata(image, { ...geometry, ...spare }, { name: "r7", mainId: "serial:x" });
  Deno.writeFileSync(path, image.bytes);
  const { devices: [taken] } = await trial.json(`take --offline ${path} --with-data`);
  assert.deepEqual([taken.snapshot.device, taken.snapshot.source], ["r7", "offline"]);
  assert.deepEqual([taken.snapshot.entries, taken.snapshot.health], [0, "unknown"]);
  Deno.writeFileSync(path, new Uint8Array(8192 * 512));
  assert.equal((await trial.run(`take --offline ${path}`)).code, 4);
  assert.equal((await trial.run("take --offline /none")).code, 1);
  for (const words of ["take r0 --offline x", "take --all --offline x", "take --start 8"]) {
    assert.equal((await trial.run(words)).code, 2, words);
  }
});
