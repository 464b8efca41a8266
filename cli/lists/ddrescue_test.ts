// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Area, ListError } from "./area.ts";
import {
  areasIn,
  BLOCK_STATES,
  formatRescueMap,
  MAP_STATES,
  mapOf,
  parseRescueMap,
  type RescueMap,
} from "./ddrescue.ts";

/** The example of the manual. */
const MANUAL = `# Mapfile. Created by GNU ddrescue version 1.27
# Command line: ddrescue -d -c18 /dev/fd0 fdimage mapfile
# Start time:   2015-07-21 09:37:44
# current_pos  current_status  current_pass
0x00120000     ?               1
#      pos        size  status
0x00000000  0x00117000  +
0x00117000  0x00000200  -
0x00117200  0x00001000  /
0x00118200  0x00007E00  *
0x00120000  0x00048000  ?
`;

const maps: fc.Arbitrary<RescueMap> = fc.record({
  start: fc.constantFrom(0n, 0n, 4096n),
  blocks: fc.array(
    fc.record({
      length: fc.bigInt(1n, 2n ** 40n),
      state: fc.constantFrom(...BLOCK_STATES),
    }),
    { maxLength: 30 },
  ),
  position: fc.bigInt(0n, 2n ** 63n - 1n),
  state: fc.constantFrom(...MAP_STATES),
  pass: fc.integer({ min: 1, max: 999 }),
}).map(({ start, blocks, ...head }) => {
  let at = start;
  return {
    ...head,
    blocks: blocks.map(({ length, state }) => {
      at += length;
      return { start: at - length, length, state };
    }),
  };
});

Deno.test("what is written is read again", async () => {
  await fc.assert(fc.asyncProperty(maps, async (map) => {
    assert.deepEqual(await parseRescueMap(formatRescueMap(map, ["a remark"])), map);
  }));
});

Deno.test("numbers may be decimal, hexadecimal or octal, as in C++", async () => {
  const writers = [
    (n: bigint) => `${n}`,
    (n: bigint) => `0x${n.toString(16)}`,
    (n: bigint) => `0X${n.toString(16).toUpperCase()}`,
    (n: bigint) => `0${n.toString(8)}`,
  ];
  await fc.assert(
    fc.asyncProperty(maps, fc.constantFrom(...writers), async (map, write) => {
      const lines = map.blocks.map(({ start, length, state }) =>
        `${write(start)} ${write(length)} ${state} # why\r\n`
      );
      const text = `${write(map.position)} ${map.state} ${map.pass}\n#\n${lines.join("\n")}`;
      assert.deepEqual(await parseRescueMap([text]), map);
    }),
  );
});

Deno.test("the manual's example", async () => {
  const map = await parseRescueMap([MANUAL]);
  assert.deepEqual([map.position, map.state, map.pass, map.blocks.length], [0x120000n, "?", 1, 5]);
  assert.deepEqual(areasIn(map, new Set(["-"])), [{ start: 0x117000n, length: 0x200n }]);
  // The three lie side by side.
  assert.deepEqual(areasIn(map, new Set(["-", "*", "/"])), [
    { start: 0x117000n, length: 0x9000n },
  ]);
  // Versions before 1.20 left the pass away.
  assert.equal((await parseRescueMap(["0x0 +\n"])).pass, 1);
});

async function refuses(text: string, line: number, reason: RegExp): Promise<void> {
  await assert.rejects(parseRescueMap([text]), (error) => {
    assert.ok(error instanceof ListError, `${error}`);
    assert.equal(error.line, line, error.message);
    assert.match(error.reason, reason);
    return true;
  }, text);
}

Deno.test("what is no map file is refused, with the line that shows it", async () => {
  await refuses("", 1, /status line is missing/);
  await refuses("# only\n# comments\n", 2, /status line is missing/);
  for (const head of ["0", "0 x", "-1 ?", "0 ? 0", "0 ? 1 1", "0x ?", "08 +", "7\n8", "0 ? -"]) {
    await assert.rejects(parseRescueMap([`${head}\n`]), ListError, head);
  }
  const body = "0 ? 1\n0 512 +\n";
  await refuses(`${body}512 512\n`, 3, /is expected, not "512 512"/);
  await refuses(`${body}512 512 F\n`, 3, /is expected/);
  await refuses(`${body}512 0 -\n`, 3, /empty/);
  await refuses(`${body}1024 512 -\n`, 3, /begins at 1024, the block before it ends at 512/);
  await refuses(`${body}0 512 -\n`, 3, /begins at 0/);
  await refuses(`${body}512 0x8000000000000000 -\n`, 3, /no number of bytes/);
  await refuses(`${body}512 0x7fffffffffffffff -\n`, 3, /beyond any disk/);
  await refuses(`${body}512 99999999999999999999999 -\n`, 3, /no number of bytes/);
  await refuses(`${body}512 -5 -\n`, 3, /no number of bytes/);
});

Deno.test("any text is read or refused, and no state is made up", async () => {
  const words = fc.constantFrom(
    "0",
    "512",
    "0x200",
    "01000",
    "-",
    "+",
    "?",
    "*",
    "/",
    "#",
    "\n",
    "F",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(words, { maxLength: 30 }), async (parts) => {
      const map = await parseRescueMap([parts.join(" ")]).catch((error) => {
        assert.ok(error instanceof ListError);
        return undefined;
      });
      if (map === undefined) return;
      for (const [index, { start, length }] of map.blocks.entries()) {
        assert.ok(length > 0n);
        const before: Area | undefined = map.blocks[index - 1];
        if (before !== undefined) assert.equal(before.start + before.length, start);
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a map of areas covers everything once", () => {
  const map = mapOf([{ start: 512n, length: 512n }, { start: 2048n, length: 1024n }], {
    start: 512n,
    size: 4096n,
    bad: "-",
    rest: "+",
  });
  assert.deepEqual(map.blocks, [
    { start: 512n, length: 512n, state: "-" },
    { start: 1024n, length: 1024n, state: "+" },
    { start: 2048n, length: 1024n, state: "-" },
    { start: 3072n, length: 1536n, state: "+" },
  ]);
  const empty = mapOf([], { start: 0n, size: 512n, bad: "-", rest: "+" });
  assert.deepEqual([empty.state, empty.blocks.length], ["+", 1]);
});
