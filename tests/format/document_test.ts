// SPDX-License-Identifier: GPL-2.0-only
// docs/metadata-format.md is the norm: its tables are those of the structures.
import assert from "node:assert/strict";
import { join } from "node:path";
import { crc32c } from "../../cli/metadata/crc32c.ts";
import { EXTENT_STATES, hasSlot } from "../../cli/metadata/extent.ts";
import { MAGIC } from "../../cli/metadata/format.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { FormatLibrary } from "./library.ts";

const text = Deno.readTextFileSync(
  join(import.meta.dirname!, "..", "..", "docs", "metadata-format.md"),
);

Deno.test("the page has every field where the structures have it", () => {
  using c = new FormatLibrary();
  const rows = [...text.matchAll(/^\| (\d+) +\| (\d+) +\| `(\w+)` +\|/gm)]
    .map(([, offset, size, name]) => ({ name, offset: Number(offset), size: Number(size) }));
  const fields = c.fields().map(({ name, ...rest }) => ({
    name: name.replace(/^header\./, ""),
    ...rest,
  }));
  assert.deepEqual(rows, fields);
  const end = rows.reduce((at, { offset, size }) => {
    assert.equal(offset, at, "without holes");
    return offset + size;
  }, 0);
  assert.equal(end, 4096);
});

Deno.test("the page has the states, the magics and the checksum", () => {
  const states = [...text.matchAll(/^\| (\d) +\| (\w+) +\| (yes|no) +\|/gm)]
    .map(([, number, name, slot]) => [Number(number), name, slot === "yes"]);
  assert.deepEqual(states, EXTENT_STATES.map((name, number) => [number, name, hasSlot(name)]));
  for (const magic of Object.values(MAGIC)) assert(text.includes(`\`${magic}\``), magic);
  const check = crc32c(new TextEncoder().encode("123456789")).toString(16).toUpperCase();
  assert(text.includes(`0x${check}`), check);
});

Deno.test("the page's examples of a layout are right", () => {
  const { checkpointBlocks, journalBlocks, slotsStart, slots } = layoutOf(32768, 1);
  assert(text.includes(`C = ${checkpointBlocks} and J = ${journalBlocks}:`));
  const mib = (sectors: number) => (sectors / 2048).toFixed(1);
  const flowing = text.replace(/\s+/g, " ");
  assert(flowing.includes(`${mib(slotsStart)} MiB of metadata, ${mib(slots)} MiB of slots`));
  for (const unit of [1, 2, 4, 8]) {
    assert.equal(layoutOf(112 + unit, unit).slots, unit, "the smallest range");
    assert.equal(layoutOf(112 + unit - 1, unit).slots, 0, "too small");
  }
});
