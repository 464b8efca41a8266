// SPDX-License-Identifier: GPL-2.0-only
// The real programs read what we write, and we read what they write: on files, without a kernel.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Area } from "../../cli/lists/area.ts";
import { formatBadblocks, parseBadblocks } from "../../cli/lists/badblocks.ts";
import {
  areasIn,
  BLOCK_STATES,
  type BlockState,
  formatRescueMap,
  mapOf,
  parseRescueMap,
} from "../../cli/lists/ddrescue.ts";

const SECTOR = 512n;

/** @throws {AssertionError} unless the program ends with that code */
async function run(words: readonly string[], code = 0): Promise<string> {
  const [program = "", ...args] = words;
  const command = new Deno.Command(program, { args, env: { LC_ALL: "C" } });
  const result = await command.output();
  const text = new TextDecoder();
  assert.equal(result.code, code, `${words.join(" ")}: ${text.decode(result.stderr)}`);
  return text.decode(result.stdout);
}

async function inDirectory(use: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use((name) => `${directory}/${name}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const save = (path: string, pieces: Iterable<string>) =>
  Deno.writeTextFile(path, [...pieces].join(""));

/** Areas of whole sectors, apart from each other. */
const sectorAreas = fc.array(
  fc.record({ gap: fc.bigInt(1n, 50n), length: fc.bigInt(1n, 50n) }),
  { minLength: 1, maxLength: 30 },
).map((parts) => {
  let at = 0n;
  return parts.map(({ gap, length }): Area => {
    const start = at + gap;
    at = start + length;
    return { start: start * SECTOR, length: length * SECTOR };
  });
});

const SIZE = 4096n * SECTOR;

Deno.test("ddrescuelog finds in our maps the blocks that it should", async () => {
  await inDirectory(async (path) => {
    const property = fc.asyncProperty(
      sectorAreas,
      fc.constantFrom<BlockState>("?", "+"),
      async (areas, rest) => {
        const extent = { start: 0n, size: SIZE, bad: "-", rest } as const;
        await save(path("map"), formatRescueMap(mapOf(areas, extent), ["of a test"]));
        const listed = await run(["ddrescuelog", "-b512", "-l-", path("map")]);
        assert.equal(listed, [...formatBadblocks(areas, SECTOR)].join(""));
        const size = await run(["ddrescuelog", "-b512", `-l${rest}-`, path("map")]);
        assert.equal(size.split("\n").length - 1, Number(SIZE / SECTOR));
      },
    );
    await fc.assert(property, { numRuns: 25 });
  });
});

Deno.test("ddrescuelog's maps of our lists have the areas of the lists", async () => {
  await inDirectory(async (path) => {
    const property = fc.asyncProperty(sectorAreas, async (areas) => {
      await save(path("list"), formatBadblocks(areas, SECTOR));
      const map = await run(["sh", "-c", `ddrescuelog -b512 -c-+ - < ${path("list")}`]);
      assert.deepEqual(areasIn(await parseRescueMap([map]), new Set(["-"])), areas);
      const back = await parseBadblocks([await Deno.readTextFile(path("list"))], SECTOR);
      assert.deepEqual(back, areas);
    });
    await fc.assert(property, { numRuns: 25 });
  });
});

Deno.test("the maps of a ddrescue that meets bad sectors, and is stopped early", async () => {
  await inDirectory(async (path) => {
    const bad: Area[] = [
      { start: 1000n * SECTOR, length: 3n * SECTOR },
      { start: 3000n * SECTOR, length: SECTOR },
    ];
    const extent = { start: 0n, size: SIZE, bad: "-", rest: "+" } as const;
    await save(path("disk.map"), formatRescueMap(mapOf(bad, extent)));
    await Deno.truncate(await create(path("disk")), Number(SIZE));
    // Its test mode fails to read what a map calls bad.
    const rescue = ["ddrescue", "-q", "-H", path("disk.map"), path("disk"), path("copy")];
    await run([...rescue, path("whole.map")]);
    const whole = await parseRescueMap([await Deno.readTextFile(path("whole.map"))]);
    assert.deepEqual(areasIn(whole, new Set(["-"])), bad);
    assert.equal(whole.state, "+");
    await run([...rescue, path("early.map"), "--no-trim", "--no-scrape"]);
    const early = await parseRescueMap([await Deno.readTextFile(path("early.map"))]);
    const failed = areasIn(early, new Set(["*", "/", "-"]));
    for (const { start, length } of bad) {
      assert.ok(
        failed.some((area) => area.start <= start && area.start + area.length >= start + length),
      );
    }
    assert.ok(areasIn(early, new Set(["*"])).length > 0);
  });
});

Deno.test("ddrescue takes our map and reads what is not tried", async () => {
  await inDirectory(async (path) => {
    const bytes = crypto.getRandomValues(new Uint8Array(65536));
    await Deno.writeFile(path("disk"), bytes);
    const bad = [{ start: 8192n, length: 1024n }];
    const map = mapOf(bad, { start: 0n, size: 65536n, bad: "-", rest: "?" });
    await save(path("map"), formatRescueMap(map));
    await run(["ddrescue", "-q", path("disk"), path("copy"), path("map")]);
    const after = await parseRescueMap([await Deno.readTextFile(path("map"))]);
    assert.deepEqual(areasIn(after, new Set(["-"])), bad);
    const copy = await Deno.readFile(path("copy"));
    assert.deepEqual(copy.subarray(0, 8192), bytes.subarray(0, 8192));
    assert.deepEqual(copy.subarray(9216), bytes.subarray(9216));
  });
});

Deno.test("what ddrescuelog refuses we refuse; it takes more, such as junk behind a line", async () => {
  const word = fc.constantFrom(
    "0",
    "512",
    "0x200",
    "01000",
    "1024",
    ...BLOCK_STATES,
    "F",
    "#",
    "x",
  );
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("0 ? 1", "0 512 +", "512 512 -", "0x400 01000 *") },
    { weight: 1, arbitrary: fc.array(word, { maxLength: 4 }).map((words) => words.join(" ")) },
  );
  await inDirectory(async (path) => {
    const property = fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
      const text = `${lines.join("\n")}\n`;
      await Deno.writeTextFile(path("map"), text);
      const { code } = await new Deno.Command("ddrescuelog", {
        args: ["-t", path("map")],
        stdout: "null",
        stderr: "null",
      }).output();
      const ours = await parseRescueMap([text]).then(() => true, () => false);
      assert.ok(code === 0 || !ours, text);
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

async function create(path: string): Promise<string> {
  await Deno.writeFile(path, new Uint8Array());
  return path;
}

Deno.test("the lists that badblocks writes", async () => {
  await inDirectory(async (path) => {
    const bytes = new Uint8Array(1 << 20);
    // Read-only with a pattern: every block that differs counts as bad.
    for (const sector of [7, 100, 101, 2047]) bytes[sector * 512 + 9] = 1;
    await Deno.writeFile(path("disk"), bytes);
    for (const blockSize of [1024n, 4096n]) {
      const words = ["badblocks", "-B", "-b", `${blockSize}`, "-t", "0", path("disk")];
      const areas = await parseBadblocks([await run(words)], blockSize);
      const expected = [7n, 100n, 101n, 2047n].map((n) => ({ start: n * SECTOR, length: SECTOR }));
      assert.deepEqual(
        [...formatBadblocks(areas, blockSize)],
        [...formatBadblocks(expected, blockSize)],
      );
    }
  });
});

Deno.test("mke2fs and e2fsck take our lists", async () => {
  await inDirectory(async (path) => {
    await Deno.truncate(await create(path("disk")), 16 << 20);
    const areas: Area[] = [
      { start: 5_000n * SECTOR, length: 9n * SECTOR },
      { start: 30_001n * SECTOR, length: SECTOR },
    ];
    await save(path("list"), formatBadblocks(areas, 1024n));
    await run(["mke2fs", "-q", "-F", "-b", "1024", "-l", path("list"), path("disk")]);
    const listed = ["dumpe2fs", "-b", path("disk")];
    assert.equal(await run(listed), await Deno.readTextFile(path("list")));
    await save(path("more"), formatBadblocks([{ start: 10_000n * 1024n, length: 1n }], 1024n));
    await run(["e2fsck", "-f", "-y", "-l", path("more"), path("disk")], 0);
    assert.deepEqual(
      (await run(listed)).split("\n"),
      ["2500", "2501", "2502", "2503", "2504", "10000", "15000", ""],
    );
  });
});
