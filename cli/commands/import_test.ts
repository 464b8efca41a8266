// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeMapper, HEALTHY, runTool } from "./support/fake_mapper.ts";

interface Bench {
  readonly entries?: string;
  readonly status?: string;
  readonly lost?: number;
  readonly table?: string;
  /** Fails at the second relocation. */
  readonly failing?: boolean;
  /** How scans end. */
  readonly scan?: string;
}

/** A device of 204800 sectors that relocates what it is told to. */
function bench(options: Bench = {}): FakeMapper {
  let relocations = 0;
  return new FakeMapper({
    r0: {
      ...options.table === undefined ? {} : { table: options.table },
      ...options.status === undefined ? {} : { status: options.status },
      answer(message) {
        const [verb, ...words] = message.split(" ");
        if (verb === "entries") {
          return words[0] === "0" || isFirst(words) ? options.entries ?? "" : "";
        }
        if (verb === "scan") {
          const [start, end] = words.map(Number) as [number, number];
          const where = `start=${start} end=${end} position=${end + 1}`;
          return `scan=${options.scan ?? "done"} progress=100% ${where} errors=0 yields=0`;
        }
        assert.equal(verb, "remap");
        if (options.failing && ++relocations === 2) throw new Error("the spare died");
        const counts = words.filter((_, index) => index % 2 === 1).map(Number);
        const sum = counts.length === 0 ? 1 : counts.reduce((a, b) => a + b, 0);
        return `remapped=${sum} lost=${options.lost ?? 0}`;
      },
    },
  });
  /** The page behind the last entry is empty. */
  function isFirst([from = ""]: string[]): boolean {
    const [first = "0"] = (options.entries ?? "").split(" ");
    return Number(from) <= Number(first);
  }
}

async function withList<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, text);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}

function badblocks(text: string, mapper: FakeMapper, ...more: string[]) {
  return withList(text, (file) => runTool(["import", "badblocks", "r0", file, ...more], mapper));
}

Deno.test("one message relocates what a small list names, in order and once", async () => {
  const mapper = bench();
  const { code, out } = await badblocks("9\n3\n4\n3\n", mapper);
  assert.equal(code, 0);
  assert.deepEqual(mapper.messages, ["remap 6 4 18 2"]);
  assert.match(out, /names 6 sectors \(3 KiB\) of r0; on the spare: 6 sectors \(3 KiB\)\n$/);
});

Deno.test("the block size is that of the list", async () => {
  const mapper = bench();
  assert.equal((await badblocks("3\n", mapper, "--block-size", "4096")).code, 0);
  assert.equal((await badblocks("3\n", mapper, "--block-size", "1000")).code, 0);
  assert.deepEqual(mapper.messages, ["remap 24 8", "remap 5 3"]);
});

Deno.test("a list that reaches past the end is of something else: nothing is done", async () => {
  const mapper = bench();
  const { code, err } = await badblocks("1\n204800\n", mapper);
  assert.equal(code, 1);
  assert.match(err, /^error: r0: has 204800 sectors, but \S+ names sector 409600/);
  assert.match(err, /--block-size/);
  assert.deepEqual(mapper.messages, []);
  // With an offset it may well be: only what lies on the device is taken.
  const part = await badblocks("1\n1030\n204800\n", mapper, "--list-offset", "2048");
  assert.equal(part.code, 0);
  assert.match(part.err, /2 areas not wholly on the device/);
  assert.deepEqual(mapper.messages, ["remap 12 2"]);
});

Deno.test("--of-main counts from the start of the main device", async () => {
  const mapper = bench({ table: "4000:0 100 4000:16 0 102400 1 volatile" });
  assert.equal((await badblocks("60\n", mapper, "--of-main")).code, 0);
  assert.deepEqual(mapper.messages, ["remap 20 2"]);
  assert.equal((await badblocks("60\n", mapper, "--of-main", "--list-offset", "1")).code, 2);
});

Deno.test("lost sectors are told by words and exit code", async () => {
  const { code, out } = await badblocks("9\n", bench({ lost: 2 }), "--json");
  assert.equal(code, 3);
  const { file, ...fields } = JSON.parse(out);
  assert.equal(typeof file, "string");
  assert.deepEqual(fields, {
    schema_version: 1,
    name: "r0",
    areas: 1,
    areas_elsewhere: 0,
    listed_sectors: 2,
    remapped_sectors: 2,
    lost_sectors: 2,
  });
});

Deno.test("--pending reads what is named, near ranges at once, and tells what failed", async () => {
  const mapper = bench({ entries: "18 1 pending" });
  const { code, out } = await badblocks("3\n9\n50000\n", mapper, "--pending");
  assert.equal(code, 3);
  assert.deepEqual(mapper.messages, [
    "scan 6 19",
    "scan 100000 100001",
    ...["entries 6 256", "entries 19 256"],
  ]);
  assert.match(out, /pending: 1 sector \(512 B\)/);
  assert.equal((await badblocks("3\n", mapper, "--pending", "--relocate")).code, 2);
});

Deno.test("--pending is no success where the kernel has not read everything", async () => {
  for (const scan of ["stopped", "failed"]) {
    const { code, err } = await badblocks("3\n", bench({ scan }), "--pending");
    assert.equal(code, 1, scan);
    assert.match(err, /the scan of its sector 6 and behind it has not ended/);
  }
});

Deno.test("a dry run shows the messages and sends none", async () => {
  const mapper = bench();
  const relocation = await badblocks("3\n", mapper, "-n");
  assert.deepEqual([relocation.code, relocation.out], [0, "dmsetup message r0 0 remap 6 2\n"]);
  const scan = await badblocks("3\n", mapper, "-n", "--pending");
  assert.equal(scan.out, "dmsetup message r0 0 scan 6 7\n");
  assert.deepEqual(mapper.messages, []);
});

/** Every other block, so that none touch: 1200 ranges of 2 sectors. */
const MANY = Array.from({ length: 1200 }, (_, index) => `${index * 2}\n`).join("");
const ROOM = { table: "4000:0 0 4000:16 0 102400 3 volatile max_remaps 0" };

Deno.test("long lists go in several messages, after a look whether all of it fits", async () => {
  const mapper = bench(ROOM);
  const { code, out } = await badblocks(MANY, mapper, "--json");
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).remapped_sectors, 2400);
  const lengths = mapper.messages.filter((message) => message.startsWith("remap "))
    .map((message) => (message.split(" ").length - 1) / 2);
  assert.deepEqual(lengths, [...Array(18).fill(64), 48]);
});

Deno.test("what finds no room is refused before anything is done", async () => {
  const small = bench({ ...ROOM, status: HEALTHY.replace("0/102400 (0%)", "0/2399 (0%)") });
  const spare = await badblocks(MANY, small);
  assert.equal(spare.code, 1);
  assert.match(spare.err, /2400 sectors to relocate, but its spare has only 2399 free/);
  const bounded = bench({ table: "4000:0 0 4000:16 0 102400 3 volatile max_remaps 2000" });
  const limit = await badblocks(MANY, bounded);
  assert.equal(limit.code, 1);
  assert.match(limit.err, /2400 relocated sectors are more than max_remaps allows \(2000\)/);
  for (const mapper of [small, bounded]) {
    assert.ok(!mapper.messages.some((message) => message.startsWith("remap")));
  }
  // What is relocated already needs no room.
  const before = bench({
    ...ROOM,
    status: HEALTHY.replace("0/102400 (0%)", "0/2399 (0%)"),
    entries: "0 1 remapped 8",
  });
  assert.equal((await badblocks(MANY, before)).code, 0);
});

Deno.test("a failure in the middle says how far it came", async () => {
  const { code, err } = await badblocks(MANY, bench({ ...ROOM, failing: true }));
  assert.equal(code, 1);
  assert.match(err, /r0: only 128 of 2400 sectors were relocated/);
  assert.match(err, /why: the spare died/);
});

Deno.test("what is no list is refused with its line", async () => {
  const mapper = bench();
  const { code, err } = await badblocks("1\n2\nx\n", mapper);
  assert.equal(code, 1);
  assert.match(err, /: line 3: "x" is no block number; nothing was changed\n/);
  const directory = await runTool(["import", "badblocks", "r0", "/tmp"], mapper);
  assert.equal(directory.code, 1);
  const missing = await runTool(["import", "ddrescue", "r0", "/nonexistent"], mapper);
  assert.match(missing.err, /^error: \/nonexistent: no such file\n/);
  assert.equal(missing.code, 1);
  assert.deepEqual(mapper.messages, []);
});

const MAP = "0x0 ? 1\n0 1024 +\n1024 512 -\n1536 512 *\n2048 512 /\n2560 512 ?\n";

Deno.test("of a map file bad sectors are taken, others are warned about or asked for", async () => {
  await withList(MAP, async (file) => {
    const mapper = bench();
    const plain = await runTool(["import", "ddrescue", "r0", file], mapper);
    assert.equal(plain.code, 0);
    assert.match(plain.err, /1 area failed, but ddrescue has not found out/);
    const all = await runTool(["import", "ddrescue", "r0", file, "--states", "*/-"], mapper);
    assert.deepEqual([all.code, all.err], [0, ""]);
    assert.deepEqual(mapper.messages, ["remap 2", "remap 2 3"]);
    for (const wrong of ["", "x", "- "]) {
      const { code } = await runTool(["import", "ddrescue", "r0", file, "--states", wrong], mapper);
      assert.equal(code, 2, wrong);
    }
  });
});

Deno.test("an empty list is no error", async () => {
  const mapper = bench();
  const { code, out } = await badblocks("", mapper);
  assert.equal(code, 0);
  assert.match(out, /names 0 sectors of r0/);
  assert.deepEqual(mapper.messages, []);
});
