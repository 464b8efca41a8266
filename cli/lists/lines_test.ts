// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { ListError } from "./area.ts";
import { eachLine, shown } from "./lines.ts";

async function linesOf(...pieces: string[]): Promise<string[]> {
  const lines: string[] = [];
  const count = await eachLine(pieces, (line, number) => lines.push(`${number}:${line}`));
  assert.equal(count, lines.length);
  return lines;
}

Deno.test("lines have their numbers, however the text is cut, and lose the blanks around them", async () => {
  const text = "one\n  two\t\r\n\nfour";
  const wanted = ["1:one", "2:two", "3:", "4:four"];
  assert.deepEqual(await linesOf(text), wanted);
  assert.deepEqual(await linesOf(...text), wanted);
  assert.deepEqual(await linesOf(`${text}\n`), wanted);
  assert.deepEqual(await linesOf(), []);
  assert.deepEqual(await linesOf("", ""), []);
});

Deno.test("of a file that is no text no more is read than a line may have", async () => {
  let read = 0;
  function* endless() {
    for (; read < 1_000_000; read += 1000) yield "x".repeat(1000);
  }
  await assert.rejects(eachLine(endless(), () => undefined), (error) => {
    assert.ok(error instanceof ListError);
    assert.equal(error.line, 1);
    return true;
  });
  assert.ok(read <= 70_000, `${read} characters`);
  await assert.rejects(linesOf("1\n", `${"2".repeat(65_537)}\n`), /line 2: is longer/);
  assert.equal((await linesOf(`${"2".repeat(65_536)}\n`)).length, 1);
});

Deno.test("what is shown of a list can steer no terminal, and is short", () => {
  assert.equal(shown("a\x1b[2Jb\u202e"), '"a?[2Jb?"');
  assert.equal(shown("y".repeat(61)), `"${"y".repeat(57)}..."`);
  assert.equal(shown("y".repeat(60)), `"${"y".repeat(60)}"`);
});
