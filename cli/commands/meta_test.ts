// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { SECTOR_SIZE } from "../metadata/format.ts";
import { openImage } from "../metadata/image.ts";
import { loadMetadata } from "../metadata/load.ts";
import { bySector, GEOMETRY, Life } from "../metadata/repair_fixture.ts";
import { runTool, type ToolResult } from "./support/fake_mapper.ts";

/** A folder with the image of a spare that has lived: `spare`. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "dmremap-meta-" });
  readonly life = new Life();
  readonly spare = this.at("spare.img");

  constructor() {
    const { life } = this;
    for (const first of [100, 101, 200]) {
      const slot = life.freeSlot();
      life.image.write(slot * SECTOR_SIZE, new Uint8Array(SECTOR_SIZE).fill(first));
      life.commit({ first, length: 1, slot, state: "remapped" });
    }
    life.checkpoint();
    life.commit({ first: 300, length: 4, slot: 0, state: "pending" });
    life.commit({ first: 0, length: 2, slot: life.freeSlot(), state: "bad" });
    this.save();
  }

  at(name: string): string {
    return join(this.path, name);
  }

  save(): void {
    Deno.writeFileSync(this.spare, this.life.image.bytes);
  }

  /** A file of this length without anything in it. */
  blank(name: string, bytes = this.life.image.sizeBytes): string {
    Deno.writeFileSync(this.at(name), new Uint8Array(bytes));
    return this.at(name);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const meta = (...args: string[]) => runTool(["meta", ...args]);

async function expect(code: number, ...args: string[]): Promise<ToolResult> {
  const result = await meta(...args);
  assert.equal(result.code, code, `${args.join(" ")}: ${result.out}${result.err}`);
  return result;
}

const json = async (code: number, ...args: string[]) =>
  JSON.parse((await expect(code, ...args, "--json")).out);

async function refusal(code: number, ...args: string[]) {
  const { out, err } = await expect(code, ...args, "--json");
  assert.equal(out, "");
  return JSON.parse(err).error;
}

const contentOf = (path: string) => Deno.readFileSync(path);

/** In one word: to show the difference of two images takes minutes. */
function assertContent(path: string, wanted: Uint8Array): void {
  assert.equal(Buffer.compare(contentOf(path), wanted), 0, `${path} has another content`);
}

function tableOf(path: string, startSectors = 0): string[] {
  using image = openImage(path, { startSectors });
  return bySector(loadMetadata(image).extents());
}

Deno.test("check: what is there, and that it is sound", async () => {
  using folder = new Folder();
  const before = contentOf(folder.spare);
  const report = await json(0, "check", folder.spare);
  assert.deepEqual(
    [report.schema_version, report.sound, report.remapped_sectors, report.pending_sectors],
    [1, true, 3, 4],
  );
  assert.deepEqual([report.bad_sectors, report.entries, report.problems], [2, 5, []]);
  assert.equal(report.superblock.name, "r0");
  const { out } = await expect(0, "check", folder.spare);
  assert.match(out, /spare\.img: sound\n/);
  assert.match(out, /relocated: +3 sectors, 0 of them lost\n/);
  assertContent(folder.spare, before);
});

Deno.test("check: what is wrong, where, and what to run", async () => {
  using folder = new Folder();
  const block = folder.life.layout.checkpointStart[folder.life.superblock.checkpoint];
  folder.life.damage(block);
  folder.save();
  const before = contentOf(folder.spare);
  const { sound, problems: [problem] } = await json(4, "check", folder.spare);
  assert.equal(sound, false);
  assert.match(problem.where, new RegExp(`block ${block} `));
  assert.match(problem.cure, /dmremap-ts meta repair/);
  const { out, err } = await expect(4, "check", folder.spare);
  assert.match(out, /: damaged, 1 problem\n.*\n {4}do: .*meta repair/);
  assert.equal(err, "");
  assertContent(folder.spare, before);
});

Deno.test("check: a range that does not begin with its device", async () => {
  using folder = new Folder();
  const path = folder.at("disk.img");
  Deno.writeFileSync(path, new Uint8Array(2048 * 512));
  Deno.writeFileSync(path, folder.life.image.bytes, { append: true });
  assert.equal((await json(0, "check", path, "--start", "2048")).remapped_sectors, 3);
  await expect(4, "check", path);
  await expect(4, "check", path, "--start", "99999999");
  const bytes = contentOf(path);
  bytes[(2048 + 2 * 8 + folder.life.layout.checkpointBlocks * 8) * 512 + 100]! ^= 1;
  Deno.writeFileSync(path, bytes);
  const { problems: [problem] } = await json(4, "check", path, "--start", "2048");
  assert.match(problem.cure, /meta repair \S+disk\.img --start 2048 /);
});

Deno.test("what is no spare", async () => {
  using folder = new Folder();
  for (const command of ["check", "dump"]) {
    assert.equal((await refusal(1, command, folder.at("none"))).code, "not-found");
    assert.equal((await refusal(1, command, folder.path)).code, "not-a-block-device");
    assert.equal((await refusal(1, command, "/dev/null")).code, "not-a-block-device");
  }
  for (const [name, bytes] of [["empty", 0], ["tiny", 512], ["zero", 1 << 20]] as const) {
    const path = folder.blank(name, bytes);
    await expect(4, "check", path);
    assert.equal((await refusal(4, "dump", path)).code, "metadata-damaged", name);
    await expect(4, "repair", path, "--in-place", "--yes");
    assert.ok(contentOf(path).every((byte) => byte === 0), "something was written");
  }
});

Deno.test("something else than a spare", async () => {
  using folder = new Folder();
  const text = folder.at("text");
  Deno.writeTextFileSync(text, (await expect(0, "dump", folder.spare)).out);
  const swap = folder.blank("swap");
  const bytes = contentOf(swap);
  new Uint32Array(bytes.buffer, 1024).set([1, 1023]);
  bytes.set(new TextEncoder().encode("SWAPSPACE2"), 4086);
  Deno.writeFileSync(swap, bytes);
  assert.match((await json(4, "check", swap)).notes.join(), /signature of something else \(swap\)/);
  const refused = await refusal(1, "restore", swap, "--input", text, "--yes");
  assert.deepEqual([refused.code, /swap/.test(refused.message)], ["signature", true]);
  assert.deepEqual(contentOf(swap), bytes);
  await expect(0, "restore", swap, "--input", text, "--yes", "--force");
});

Deno.test("dump, restore, dump: the same", async () => {
  using folder = new Folder();
  const text = folder.at("text");
  const { out } = await expect(0, "dump", folder.spare);
  Deno.writeTextFileSync(text, out);
  assert.match(out, /^pending 300\+4$/m);
  const copy = folder.blank("copy");
  await expect(0, "restore", copy, "--input", text, "--yes");
  assert.equal((await expect(0, "dump", copy)).out, out);
  assert.deepEqual(tableOf(copy), bySector(folder.life.extents()));
  await expect(0, "restore", folder.spare, "--input", text, "--yes", "--force");
  assert.equal((await expect(0, "dump", folder.spare)).out, out);
});

Deno.test("dump --json: every field and every extent", async () => {
  using folder = new Folder();
  const { schema_version, superblock, extents } = await json(0, "dump", folder.spare);
  assert.equal(schema_version, 1);
  assert.equal(superblock.spare_sectors, 8192);
  assert.deepEqual(extents[0], {
    state: "remapped",
    start_sectors: 100,
    length_sectors: 1,
    slot_sectors: folder.life.layout.slotsStart,
  });
  assert.equal(extents.length, 5);
  assert.deepEqual(Object.keys(extents.at(-1)), ["state", "length_sectors", "slot_sectors"]);
});

Deno.test("restore: an edited text", async () => {
  using folder = new Folder();
  const { out } = await expect(0, "dump", folder.spare);
  const text = folder.at("text");
  Deno.writeTextFileSync(text, out.replace(/^pending .*\n/m, ""));
  const copy = folder.blank("copy");
  const { err } = await expect(0, "restore", copy, "--input", text, "--yes");
  assert.match(err, /note: .*pending is 0, not "4"/);
  assert.ok(!tableOf(copy).some((line) => line.includes("pending")));
});

Deno.test("restore: nothing is written from a text that is wrong", async () => {
  using folder = new Folder();
  const { out } = await expect(0, "dump", folder.spare);
  const text = folder.at("text");
  const copy = folder.blank("copy");
  for (const [from, to] of [["pending 300", "pending 100"], ["\nend\n", "\n"], ["uuid", "id"]]) {
    const wrong = out.replace(from!, to!);
    assert.notEqual(wrong, out);
    Deno.writeTextFileSync(text, wrong);
    const { message, device } = await refusal(1, "restore", copy, "--input", text, "--yes");
    assert.match(message, /^line \d+: /);
    assert.equal(device, text);
  }
  assert.equal((await refusal(2, "restore", copy, "--yes")).code, "usage");
  assert.equal((await refusal(1, "restore", copy, "--input", folder.at("none"))).code, "refused");
  assert.ok(contentOf(copy).every((byte) => byte === 0));
});

Deno.test("restore: what is there already, what is too small, and nobody to ask", async () => {
  using folder = new Folder();
  const text = folder.at("text");
  Deno.writeTextFileSync(text, (await expect(0, "dump", folder.spare)).out);
  const input = ["--input", text];
  const before = contentOf(folder.spare);
  const held = await refusal(1, "restore", folder.spare, ...input, "--yes");
  assert.deepEqual([held.code, /"r0"/.test(held.message)], ["signature", true]);
  const small = folder.blank("small", 4096);
  assert.equal((await refusal(1, "restore", small, ...input, "--yes")).code, "too-small");
  const copy = folder.blank("copy");
  assert.equal((await refusal(2, "restore", copy, ...input)).code, "usage");
  assert.equal((await json(0, "restore", copy, ...input, "-n")).dry_run, true);
  assert.ok(contentOf(copy).every((byte) => byte === 0));
  const dry = await json(0, "restore", folder.spare, ...input, "-n", "--force");
  assert.match(dry.overwritten, /"r0"/);
  assertContent(folder.spare, before);
});

Deno.test("restore: a place is not free because its first blocks are zeroes", async () => {
  using folder = new Folder();
  const text = folder.at("text");
  Deno.writeTextFileSync(text, (await expect(0, "dump", folder.spare)).out);
  const { life } = folder;
  for (let block = 0; block < life.layout.journalStart; block++) life.damage(block, "zero");
  folder.save();
  const before = contentOf(folder.spare);
  const held = await refusal(1, "restore", folder.spare, "--input", text, "--yes");
  assert.match(held.message, /parts of the table of a remap device/);
  assertContent(folder.spare, before);
});

Deno.test("restore: the place of the range follows where it is written", async () => {
  using folder = new Folder();
  const text = folder.at("text");
  Deno.writeTextFileSync(text, (await expect(0, "dump", folder.spare)).out);
  const disk = folder.blank("disk", (2048 + 8192 + 16) * 512);
  await expect(0, "restore", disk, "--input", text, "--start", "2048", "--yes");
  const { superblock } = await json(0, "check", disk, "--start", "2048");
  assert.deepEqual(
    [superblock.spare_start_sectors, superblock.spare_device_sectors, superblock.spare_sectors],
    [2048, 2048 + 8192 + 16, 8192],
  );
});

Deno.test("repair: nothing to do", async () => {
  using folder = new Folder();
  const before = contentOf(folder.spare);
  assert.equal((await json(0, "repair", folder.spare, "--in-place")).repaired, false);
  assertContent(folder.spare, before);
});

Deno.test("repair --in-place: asks, keeps a backup, and mends", async () => {
  using folder = new Folder();
  const { life } = folder;
  life.damage(life.layout.checkpointStart[life.superblock.checkpoint]);
  folder.save();
  const before = contentOf(folder.spare);
  assert.equal((await refusal(2, "repair", folder.spare, "--in-place")).code, "usage");
  assert.equal((await json(3, "repair", folder.spare, "--in-place", "-n")).repaired, false);
  assertContent(folder.spare, before);
  const kept = folder.at("kept");
  const fixed = await json(3, "repair", folder.spare, "--in-place", "--yes", "--backup", kept);
  assert.equal(fixed.losses[0].code, "checkpoint-damaged");
  assertContent(kept, before.slice(0, life.layout.slotsStart * 512));
  await expect(0, "check", folder.spare);
  folder.save();
  const words = ["repair", folder.spare, "--in-place", "--yes", "--backup", kept];
  assert.equal((await refusal(1, ...words)).code, "refused");
  assertContent(folder.spare, before);
});

Deno.test("repair --output: a whole spare, content and all", async () => {
  using folder = new Folder();
  folder.life.damage(1);
  folder.save();
  const before = contentOf(folder.spare);
  const other = folder.at("other");
  const fixed = await json(0, "repair", folder.spare, "--output", other, "--yes");
  assert.deepEqual([fixed.repaired, fixed.remapped_sectors, fixed.losses], [true, 3, []]);
  assert.deepEqual(tableOf(other), bySector(folder.life.extents()));
  const slot = folder.life.sectors.get(200)!.slot * 512;
  assert.deepEqual(contentOf(other).slice(slot, slot + 512), new Uint8Array(512).fill(200));
  assertContent(folder.spare, before);
  assert.equal(
    (await refusal(1, "repair", folder.spare, "--output", other, "--yes")).code,
    "signature",
  );
  await expect(0, "repair", folder.spare, "--output", other, "--yes", "--force");
});

Deno.test("repair --output: what was not agreed to leaves no file behind", async () => {
  using folder = new Folder();
  folder.life.damage(1);
  folder.save();
  const other = folder.at("other");
  assert.equal((await refusal(2, "repair", folder.spare, "--output", other)).code, "usage");
  assert.throws(() => Deno.statSync(other), Deno.errors.NotFound);
});

Deno.test("repair --output: the device itself under another name is no other one", async () => {
  using folder = new Folder();
  folder.life.damage(1);
  folder.save();
  const before = contentOf(folder.spare);
  const link = folder.at("link");
  Deno.symlinkSync(folder.spare, link);
  for (const output of [link, `${folder.path}/./spare.img`]) {
    const words = ["repair", folder.spare, "--output", output, "--yes", "--force"];
    assert.equal((await refusal(2, ...words)).code, "usage", output);
  }
  assertContent(folder.spare, before);
});

Deno.test("repair: both superblocks gone is beyond it", async () => {
  using folder = new Folder();
  for (const copy of [0, 1]) folder.life.damage(copy, "zero");
  folder.save();
  const other = folder.at("other");
  const error = await refusal(4, "repair", folder.spare, "--output", other, "--yes");
  assert.match(error.cure, /meta restore/);
  assert.ok(!Array.from(Deno.readDirSync(folder.path), ({ name }) => name).includes("other"));
});

Deno.test("repair --main: the head of the spare was overwritten", async () => {
  using folder = new Folder();
  folder.life.image.write(0, new Uint8Array(8192).fill(0x55));
  folder.save();
  const main = folder.blank("main", 0);
  Deno.truncateSync(main, GEOMETRY.mainDeviceSectors * SECTOR_SIZE);
  const error = await refusal(4, "repair", folder.spare, "--in-place", "--yes");
  assert.match(error.cure, /--main/);
  const { err } = await expect(0, "repair", folder.spare, "--in-place", "--yes", "--main", main);
  assert.match(err, /warning: sizes are those of .*main: nothing that is left/);
  assert.deepEqual(tableOf(folder.spare), bySector(folder.life.extents()));
});

Deno.test("repair: where to has to be said, once", async () => {
  using folder = new Folder();
  for (
    const words of [
      [],
      ["--in-place", "--output", "x"],
      ["--output", folder.spare],
      ["--output", "x", "--backup", "y"],
      ["--in-place", "--force"],
    ]
  ) assert.equal((await refusal(2, "repair", folder.spare, ...words)).code, "usage");
});
