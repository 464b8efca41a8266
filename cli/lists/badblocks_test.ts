// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Area, ListError } from "./area.ts";
import { formatBadblocks, parseBadblocks } from "./badblocks.ts";

async function refusal(text: string): Promise<ListError> {
  try {
    await parseBadblocks([text], 1024n);
  } catch (error) {
    assert.ok(error instanceof ListError, `${error}`);
    return error;
  }
  assert.fail(`taken: ${text}`);
}

/** The blocks of some areas, each once and in order. */
function blocksOf(areas: readonly Area[], blockSize: bigint): bigint[] {
  const blocks = areas.flatMap(({ start, length }) => {
    const first = start / blockSize;
    const count = Number((start + length + blockSize - 1n) / blockSize - first);
    return Array.from({ length: count }, (_, index) => first + BigInt(index));
  });
  return [...new Set(blocks)].sort((a, b) => (a < b ? -1 : 1));
}

/** Cuts a text into pieces, as a pipe may. */
function pieces(text: string, cuts: readonly number[]): string[] {
  const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b)];
  return places.map((from, index) => text.slice(from, places[index + 1] ?? text.length));
}

Deno.test("blocks in any order come back, however the text is cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 40 }),
    fc.constantFrom(1n, 512n, 1000n, 1024n, 4096n, 65536n),
    fc.array(fc.nat(), { maxLength: 5 }),
    fc.constantFrom("\n", "\r\n", "\n\n", " \n\t"),
    async (blocks, blockSize, cuts, end) => {
      const text = blocks.map((block) => `${block}${end}`).join("");
      const areas = await parseBadblocks(pieces(text, cuts), blockSize);
      const wanted = [...new Set(blocks)].sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(blocksOf(areas, blockSize), wanted);
    },
  ));
});

const areas = fc.array(
  fc.record({ gap: fc.bigInt(0n, 9000n), length: fc.bigInt(1n, 9000n) }),
  { maxLength: 20 },
).map((parts) => {
  let at = 0n;
  return parts.map(({ gap, length }) => {
    const start = at + gap;
    at = start + length;
    return { start, length };
  });
});

Deno.test("a list written for any block size names what it should, once and in order", async () => {
  await fc.assert(fc.asyncProperty(areas, fc.bigInt(1n, 10000n), async (given, blockSize) => {
    const text = [...formatBadblocks(given, blockSize)].join("");
    const numbers = text.split("\n").slice(0, -1).map(BigInt);
    assert.deepEqual(numbers, blocksOf(given, blockSize));
    assert.deepEqual(blocksOf(await parseBadblocks([text], blockSize), blockSize), numbers);
  }));
});

Deno.test("comments and empty lines are passed over, the last line needs no end", async () => {
  const text = "# of sdb\n\n  7\t\n8 # both halves\n0";
  assert.deepEqual(await parseBadblocks([text], 512n), [
    { start: 7n * 512n, length: 1024n },
    { start: 0n, length: 512n },
  ]);
  assert.deepEqual(await parseBadblocks([], 512n), []);
});

Deno.test("what is no list is refused, with the line that shows it", async () => {
  const wrong = ["-1", "1.5", "0x10", "1 2", "done", "1e3", "9".repeat(21), "\u0000\u0001", "٣"];
  for (const line of wrong) {
    assert.equal((await refusal(`1\n2\n${line}\n3\n`)).line, 3, line);
  }
  assert.match((await refusal("\x1b[2J")).message, /^line 1: "\?\[2J" is no block number$/);
  assert.equal((await refusal("1".repeat(200_000))).line, 1);
});

Deno.test("a million neighbours are one area", async () => {
  const text = Array.from({ length: 1_000_000 }, (_, block) => `${block}\n`).join("");
  assert.deepEqual(await parseBadblocks([text], 1n), [{ start: 0n, length: 1_000_000n }]);
});
