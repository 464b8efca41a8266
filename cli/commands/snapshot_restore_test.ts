// SPDX-License-Identifier: GPL-2.0-only
// On images in files: no device mapper, no kernel.
import assert from "node:assert/strict";
import { NoDeviceMapperError } from "../../ffi/errors.ts";
import { run } from "../app.ts";
import { checkMetadata } from "../metadata/check.ts";
import type { Extent } from "../metadata/extent.ts";
import { FakeKernel, GEOMETRY } from "../metadata/fake_kernel.ts";
import { openImage } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { encodeSuperblock, tookOverFrom } from "../metadata/superblock.ts";
import { writeMetadata } from "../metadata/write.ts";
import { MemoryTerminal } from "../output/memory_terminal.ts";
import { TestFolder } from "../store/fixture.ts";
import { Session } from "./support/session.ts";

class Lab implements Disposable {
  readonly folder = new TestFolder();
  readonly store = this.folder.file();

  constructor(readonly kernel = new FakeKernel()) {
    kernel.superblock = { ...kernel.superblock, name: "r0" };
    kernel.checkpoint([
      { first: 100, length: 20, slot: kernel.slot(0), state: "remapped" },
      { first: 300, length: 2, slot: 0, state: "pending" },
    ]);
    for (let at = 0; at < 20; at++) this.fill(at, 1);
  }

  /** What a slot holds tells which slot it is, and of which writing. */
  fill(slot: number, writing: number): void {
    this.kernel.image.write(this.kernel.slot(slot) * 512, bytesOf(slot, writing));
  }

  path(name: string): string {
    return this.folder.file(name);
  }

  /** The spare as it is now, in a file. */
  put(name: string): string {
    Deno.writeFileSync(this.path(name), this.kernel.image.bytes);
    return this.path(name);
  }

  empty(name: string, sectors = 4096): string {
    Deno.writeFileSync(this.path(name), new Uint8Array(sectors * 512));
    return this.path(name);
  }

  async tool(code: number, ...words: string[]) {
    const terminal = new MemoryTerminal();
    const openDeviceMapper = () => {
      throw new NoDeviceMapperError("version", "", 2);
    };
    const session = new Session({ terminal, openDeviceMapper });
    const ended = await run([...words, "--store", this.store], session);
    assert.equal(ended, code, `${words.join(" ")}: ${terminal.out}${terminal.err}`);
    return terminal;
  }

  async take(...words: string[]): Promise<void> {
    await this.tool(3, "snapshot", "take", "--offline", this.put("taken.img"), ...words);
  }

  async restore(code: number, ...words: string[]) {
    const { out } = await this.tool(code, "snapshot", "restore", "1", ...words, "--json");
    return JSON.parse(out);
  }

  async refused(code: number, ...words: string[]): Promise<string> {
    const { out, err } = await this.tool(code, "snapshot", "restore", "1", ...words, "--json");
    assert.equal(out, "");
    return JSON.parse(err).error.code;
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

function bytesOf(slot: number, writing: number): Uint8Array {
  return new Uint8Array(512).fill(100 * writing + slot);
}

/** Runs, and where the content of what is relocated came from. */
function tableOf(path: string): string[] {
  using image = openImage(path);
  assert.deepEqual(checkMetadata(image).problems, []);
  return [...loadMetadata(image).extents()].flatMap(({ first, length, slot, state }: Extent) => {
    if (state !== "remapped") return [`${first}+${length} ${state}`];
    return Array.from(
      { length },
      (_, at) => `${first + at} ${image.read((slot + at) * 512, 1)[0]}`,
    );
  });
}

const range = (from: number, to: number, words: (at: number) => string) =>
  Array.from({ length: to - from }, (_, at) => words(from + at));

const TRUSTED = ["--in-place", "--trust-slots"];

const AS_TAKEN = [...range(100, 120, (at) => `${at} ${at}`), "300+2 pending"];

Deno.test("without anything newer, a new spare is as it was at the snapshot", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  const spare = lab.empty("new.img", 9000);
  const done = await lab.restore(0, "--spare", spare);
  assert.deepEqual(tableOf(spare), AS_TAKEN);
  assert.equal(done.unconfirmed_sectors, 20);
  assert.equal(done.warnings.length, 2);
  using image = openImage(spare);
  const { superblock } = loadMetadata(image);
  assert.deepEqual(
    [superblock.name, superblock.spareSectors, superblock.linkedUuid, superblock.mainSectors],
    ["r0", 9000, lab.kernel.superblock.uuid, GEOMETRY.mainSectors],
  );
  // Wherever the old spare has gone on to, this one takes its place.
  assert(tookOverFrom(superblock, { ...lab.kernel.superblock, name: "r0", generation: 1e9 }));
});

Deno.test("what later snapshots say is newer is lost, or left on main", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  lab.kernel.commit([
    { first: 105, length: 5, slot: 0, state: "main" },
    { first: 110, length: 1, slot: lab.kernel.slot(40), state: "remapped" },
    { first: 400, length: 2, slot: lab.kernel.slot(50), state: "remapped" },
  ]);
  await lab.take();
  lab.fill(3, 2);
  await lab.take("--with-data");
  const spare = lab.empty("new.img");
  const done = await lab.restore(3, "--spare", spare);
  assert.deepEqual(tableOf(spare), [
    ...range(100, 103, (at) => `${at} ${at}`),
    "103+1 lost",
    "104 104",
    "110+1 lost",
    ...range(111, 120, (at) => `${at} ${at}`),
    "300+2 pending",
    "400+2 lost",
  ]);
  const reasons = done.sectors.map((each: { reason: string }) => each.reason);
  assert.deepEqual(
    new Set(reasons),
    new Set(["snapshot", "rewritten", "on-main", "moved", "relocated"]),
  );
});

Deno.test("without content in the snapshot everything is lost, and said so", async () => {
  using lab = new Lab();
  await lab.take();
  const spare = lab.empty("new.img");
  const { sectors } = await lab.restore(3, "--spare", spare);
  assert.equal(sectors[0].reason, "no-content");
  assert.deepEqual(tableOf(spare), ["100+20 lost", "300+2 pending"]);
});

Deno.test("an old spare that can be read makes sure of what is still the same", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  lab.kernel.commit([{ first: 400, length: 2, slot: lab.kernel.slot(50), state: "remapped" }]);
  lab.fill(7, 2);
  const old = lab.put("old.img");
  const spare = lab.empty("new.img");
  const done = await lab.restore(3, "--spare", spare, "--old-spare", old);
  assert.deepEqual([done.unconfirmed_sectors, done.known_until, done.warnings], [0, null, []]);
  assert.deepEqual(tableOf(spare).slice(6, 9), ["106 106", "107+1 lost", "108 108"]);
  // With its slots believed, what was written since is there; what came after the snapshot is not.
  const other = lab.empty("other.img");
  const words = ["--spare", other, "--old-spare", old, "--trust-slots"];
  const { kept_sectors } = await lab.restore(3, ...words);
  assert.equal(kept_sectors, 20);
  assert.deepEqual(tableOf(other).slice(6, 9), ["106 106", "107 207", "108 108"]);
  assert.equal(tableOf(other).at(-1), "400+2 lost");
});

Deno.test("an old copy of the spare is no witness", async () => {
  using lab = new Lab();
  const old = lab.put("old.img");
  const { checkpoint } = lab.kernel.superblock;
  lab.kernel.checkpoint([{ first: 100, length: 20, slot: lab.kernel.slot(0), state: "remapped" }]);
  await lab.tool(0, "snapshot", "take", "--offline", lab.put("taken.img"), "--with-data");
  const words = ["--spare", lab.empty("new.img"), "--old-spare", old];
  assert.equal(await lab.refused(1, ...words), "refused");
  // Nor is one that is damaged.
  using image = openImage(old, { write: true });
  image.write(lab.kernel.layout.checkpointStart[checkpoint] * 4096, new Uint8Array(4096).fill(1));
  assert.equal(await lab.refused(1, ...words), "refused");
});

Deno.test("a leftover of another set of this device is as old as its last checkpoint", async () => {
  using lab = new Lab();
  const { kernel } = lab;
  kernel.superblock = { ...kernel.superblock, mainId: "serial:A1" };
  kernel.checkpoint([{ first: 100, length: 20, slot: kernel.slot(0), state: "remapped" }]);
  await lab.tool(0, ...["snapshot", "take", "--offline", lab.put("taken.img"), "--with-data"]);
  const leftover = (written: number) => {
    const path = lab.empty(`${written}.img`);
    using image = openImage(path, { write: true });
    const superblock = writeMetadata(
      image,
      { ...kernel.superblock, uuid: crypto.randomUUID() },
      [],
    );
    for (const at of [0, 1]) {
      const sequence = superblock.sequence + at;
      image.write(at * 4096, encodeSuperblock({ ...superblock, sequence, written }));
    }
    return path;
  };
  const words = ["--spare", lab.empty("new.img"), "--old-spare"];
  assert.equal(await lab.refused(1, ...words, leftover(1000)), "refused");
  // Of one that was written later nobody knows in which order things went.
  const tomorrow = Math.floor(Date.now() / 1000) + 86_400;
  const done = await lab.restore(3, ...words, leftover(tomorrow));
  assert.deepEqual([done.lost_sectors, done.sectors[0].reason], [20, "order-unknown"]);
});

Deno.test("in place, a damaged table is written anew over slots that stay", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  lab.fill(7, 2);
  for (const block of [0, 1]) lab.kernel.rot(block);
  const spare = lab.put("old.img");
  const words = ["--spare", spare, "--in-place", "--trust-slots"];
  assert.equal(await lab.refused(2, ...words), "usage");
  const backup = lab.path("head");
  const done = await lab.restore(0, ...words, "--backup", backup, "--yes");
  assert.deepEqual([done.slots_equal_sectors, done.slots_differ_sectors], [19, 1]);
  assert.deepEqual(
    Deno.readFileSync(backup),
    lab.kernel.image.bytes.slice(0, Deno.statSync(backup).size),
  );
  assert.equal(tableOf(spare)[7], "107 207");
  using image = openImage(spare);
  assert.equal(loadMetadata(image).superblock.uuid, lab.kernel.superblock.uuid);
  assert(loadMetadata(image).generation > lab.kernel.superblock.generation);
});

Deno.test("in place, what the damaged table still says is newer is lost", async () => {
  using lab = new Lab();
  const { kernel } = lab;
  await lab.take("--with-data");
  // Two transactions, of which the first block is gone: 102 has moved, and 500 has its slot.
  kernel.commit([{ first: 600, length: 1, slot: kernel.slot(70), state: "remapped" }]);
  kernel.commit([
    { first: 102, length: 1, slot: kernel.slot(60), state: "remapped" },
    { first: 500, length: 1, slot: kernel.slot(2), state: "remapped" },
  ]);
  kernel.wipe(kernel.layout.journalStart);
  const spare = lab.put("old.img");
  const done = await lab.restore(3, "--spare", spare, "--in-place", "--trust-slots", "--yes");
  assert.deepEqual(tableOf(spare).slice(0, 4), ["100 100", "101 101", "102+1 lost", "103 103"]);
  assert.equal(tableOf(spare).at(-1), "500+1 lost");
  assert.notEqual(done.known_until, null);
});

Deno.test("both superblocks are gone, of a device that is a part of its main device", async () => {
  using lab = new Lab(new FakeKernel({ ...GEOMETRY, mainDeviceSectors: 200_000 }));
  const { kernel } = lab;
  await lab.take("--with-data");
  kernel.commit([{ first: 400, length: 2, slot: kernel.slot(50), state: "remapped" }]);
  for (const block of [0, 1]) kernel.wipe(block);
  const spare = lab.put("old.img");
  lab.empty("new.img");
  const words = ["--spare", lab.path("new.img"), "--old-spare", spare, "--trust-slots"];
  for (const each of [words, ["--spare", spare, ...TRUSTED, "--yes"]]) {
    const { kept_sectors } = await lab.restore(3, ...each);
    assert.equal(kept_sectors, 20);
    assert.deepEqual(tableOf(each[1]!), [...AS_TAKEN, "400+2 lost"]);
  }
});

Deno.test("where the damaged table has a gap, the snapshot counts", async () => {
  using lab = new Lab();
  const { kernel } = lab;
  await lab.take("--with-data");
  kernel.commit([{ first: 400, length: 2, slot: kernel.slot(50), state: "remapped" }]);
  kernel.rot(kernel.layout.checkpointStart[kernel.superblock.checkpoint]);
  const spare = lab.put("old.img");
  const done = await lab.restore(3, "--spare", spare, "--in-place", "--trust-slots", "--yes");
  assert.deepEqual([done.kept_sectors, done.lost_sectors], [20, 2]);
  assert.deepEqual(tableOf(spare), [...AS_TAKEN, "400+2 lost"]);
});

Deno.test("in place without trust, slots get the snapshot's content; the old table is kept", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  lab.kernel.commit([{ first: 101, length: 1, slot: 0, state: "main" }]);
  lab.fill(7, 2);
  const spare = lab.put("old.img");
  await lab.restore(3, "--spare", spare, "--in-place", "--yes");
  assert.deepEqual(tableOf(spare).slice(0, 8), [
    ...["100 100", "102 102", "103 103", "104 104", "105 105", "106 106", "107+1 lost", "108 108"],
  ]);
  const { out } = await lab.tool(0, "snapshot", "list", "--json");
  assert.equal(JSON.parse(out).snapshots.length, 2);
});

Deno.test("an attempt that was cut short is taken up again, but its slots are not believed", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  const spare = lab.put("old.img");
  using image = openImage(spare, { write: true });
  const { seal } = await import("../restore/write.ts");
  const fields = { ...lab.kernel.superblock, uuid: crypto.randomUUID() };
  seal(image, fields, lab.kernel.superblock.uuid);
  const { err } = await lab.tool(1, ...["snapshot", "restore", "1", "--spare", spare], ...TRUSTED);
  assert.match(err, /its slots were begun to be written anew/);
  await lab.restore(0, "--spare", spare);
  assert.deepEqual(tableOf(spare), AS_TAKEN);
});

Deno.test("what is too small says how large it must be, and that is enough", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  const { err } = await lab.tool(1, "snapshot", "restore", "1", "--spare", lab.empty("s.img", 120));
  const [, sectors] = /it has 120 sectors, and (\d+) /.exec(err) ?? [];
  const spare = lab.empty("new.img", Number(sectors));
  await lab.restore(0, "--spare", spare);
  assert.deepEqual(tableOf(spare), AS_TAKEN);
});

Deno.test("an image is made where there is none, and gone again if it comes to nothing", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  const output = lab.path("new.img");
  const plan = await lab.restore(0, "--output", output, "--dry-run");
  assert.deepEqual([plan.dry_run, plan.target.spare_length_sectors], [true, 4096]);
  assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
  assert.equal(await lab.refused(1, "--output", output, "--spare-length", "120"), "too-small");
  assert.throws(() => Deno.statSync(output), Deno.errors.NotFound);
  await lab.restore(0, "--output", output);
  assert.deepEqual(tableOf(output), AS_TAKEN);
});

Deno.test("nothing is written over another's table, and none of another device is believed", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  const other = new FakeKernel({ ...GEOMETRY, mainDeviceSectors: 200_000 });
  const uuid = crypto.randomUUID();
  const path = lab.path("other.img");
  const image = openOther(other, uuid);
  Deno.writeFileSync(path, image);
  assert.equal(await lab.refused(1, "--spare", path), "signature");
  assert.equal(await lab.refused(1, "--spare", path, "--in-place"), "wrong-pair");
  const words = ["--spare", lab.empty("new.img"), "--old-spare", path];
  assert.equal(await lab.refused(1, ...words), "wrong-pair");
  assert.deepEqual(Deno.readFileSync(path), image);
});

function openOther(kernel: FakeKernel, uuid: string): Uint8Array<ArrayBuffer> {
  kernel.superblock = { ...kernel.superblock, uuid };
  kernel.checkpoint([]);
  kernel.checkpoint([]);
  return kernel.image.bytes;
}

Deno.test("the latest one is the last with content; what came after it is heeded", async () => {
  using lab = new Lab();
  await lab.take("--with-data");
  lab.kernel.commit([{ first: 400, length: 2, slot: lab.kernel.slot(50), state: "remapped" }]);
  await lab.take();
  const words = ["snapshot", "restore", "latest", "--json", "--spare", lab.empty("new.img")];
  const { out } = await lab.tool(3, ...words);
  assert.equal(JSON.parse(out).snapshot.id, 1);
  assert.equal(JSON.parse(out).lost_sectors, 2);
  // Of several with content, it is the last one.
  await lab.take("--with-data", "--reason", "another");
  lab.kernel.commit([{ first: 500, length: 1, slot: 0, state: "pending" }]);
  await lab.take();
  const again = await lab.tool(3, ...words.slice(0, -1), lab.empty("newer.img"));
  assert.equal(JSON.parse(again.out).snapshot.id, 3);
});

Deno.test("words that do not go together are refused", async () => {
  using lab = new Lab();
  await lab.take();
  const spare = lab.empty("new.img");
  for (
    const words of [
      [],
      ["--spare", spare, "--output", spare],
      ["--spare", spare, "--trust-slots"],
      ["--spare", spare, "--in-place", "--force"],
      ["--spare", spare, "--in-place", "--old-spare", spare],
      ["--spare", spare, "--old-spare", spare],
      ["--spare", spare, "--backup", "x"],
      ["--spare", spare, "--old-start", "8"],
      ["--spare", spare, "--lost", "9-"],
      ["--spare", spare, "--lost", "99999+2"],
    ]
  ) assert.equal(await lab.refused(2, ...words), "usage", words.join(" "));
});
