// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Extent, hasSlot } from "./extent.ts";
import { layoutOf } from "./layout.ts";
import { planRestore } from "./restore.ts";
import { EMPTY_TABLE, NO_FEATURES, NO_LINK, type Superblock } from "./superblock.ts";
import { countExtents, extentLine, LINE_STATES, metadataText, quote, timeText } from "./text.ts";
import { parseText, TextError } from "./text_parse.ts";

const SPARE = 1 << 20;
const { slotsStart: SLOTS, slots } = layoutOf(SPARE, 1);

const SUPERBLOCK: Superblock = {
  uuid: "01234567-89ab-cdef-0123-456789abcdef",
  sequence: 5,
  generation: 7,
  salt: 0,
  blockSectors: 1,
  mainStart: 2048,
  mainSectors: 1 << 22,
  mainDeviceSectors: 1 << 23,
  spareStart: 0,
  spareSectors: SPARE,
  spareDeviceSectors: SPARE,
  ...EMPTY_TABLE,
  checkpointUsed: 1,
  created: 1763800000,
  written: 1763800001,
  name: "r0",
  mainId: "wwn:0x5000c500a1b2c3d4",
  args: "retries 5",
  ...NO_FEATURES,
  ...NO_LINK,
};

const EXTENTS: readonly Extent[] = [
  { first: 0, length: 1, slot: SLOTS, state: "remapped" },
  { first: 100, length: 8, slot: SLOTS + 8, state: "lost" },
  { first: 200, length: 2, slot: 0, state: "pending" },
  { first: 300, length: 3, slot: SLOTS + 100, state: "unreadable" },
  { first: 0, length: 4, slot: SLOTS + 200, state: "bad" },
];

function textOf(superblock = SUPERBLOCK, extents: readonly Extent[] = EXTENTS): string {
  return [...metadataText(superblock, countExtents(extents), extents)].join("");
}

/** The text with something in it replaced. */
function edited(from: string | RegExp, to: string): string {
  const text = textOf();
  const changed = text.replace(from, to);
  assert.notEqual(changed, text, `${from} is not in the text`);
  return changed;
}

const plan = (text: string) => planRestore(parseText(text));

function refuses(text: string, reason: RegExp, line?: number): void {
  assert.throws(() => plan(text), (error) => {
    assert.ok(error instanceof TextError, `${error}`);
    assert.match(error.message, reason);
    if (line !== undefined) assert.equal(error.line, line);
    return true;
  });
}

const lineOf = (text: string, start: string) =>
  text.split("\n").findIndex((line) => line.startsWith(start)) + 1;

Deno.test("what is written comes back", () => {
  const { fields, extents, counts, notes } = plan(textOf());
  assert.deepEqual(extents, EXTENTS);
  assert.deepEqual({ ...SUPERBLOCK, ...fields }, SUPERBLOCK);
  assert.deepEqual(counts, { entries: 5, remapped: 12, lost: 11, pending: 2, bad: 4 });
  assert.deepEqual(notes, []);
});

Deno.test("one line an extent, one line a field", () => {
  const text = textOf();
  for (
    const line of [
      `remapped 0+1 -> ${SLOTS}`,
      "pending 200+2",
      `bad ${SLOTS + 200}+4`,
      'name: "r0"',
      "created: 2025-11-22T08:26:40Z",
      "remapped: 12",
      "end",
    ]
  ) assert.ok(text.split("\n").includes(line), line);
  assert.equal(extentLine(EXTENTS[1]!), `lost 100+8 -> ${SLOTS + 8}`);
});

Deno.test("a person may write it otherwise", () => {
  const bare = edited('"r0"', "r0").replaceAll("\n", "  # said by hand\r\n");
  assert.equal(plan(bare).fields.name, "r0");
  const lines = textOf().split("\n");
  const at = lines.findIndex((line) => line.startsWith("remapped 0+1"));
  const [moved = ""] = lines.splice(at, 1);
  lines.splice(at + 2, 0, moved);
  assert.deepEqual(plan(lines.join("\n")).extents, EXTENTS);
  const range = edited("lost 100+8", "lost   100-107");
  assert.deepEqual(plan(range).extents, EXTENTS);
  assert.deepEqual(plan(edited("remapped 0+1 ->", "remapped 0 ->")).extents, EXTENTS);
});

Deno.test("a # in a text is no comment, nor is a quote the end of it", () => {
  for (const name of ["a#b", "#", 'say "#1"', "back\\#slash", "tab\t#"]) {
    assert.equal(plan(edited('"r0"', quote(name))).fields.name, name);
    assert.equal(plan(edited('"r0"', `${quote(name)} # by "hand"`)).fields.name, name);
  }
});

Deno.test("long runs become as many entries as they need", () => {
  const { extents } = plan(edited(/remapped 0\+1 -> \d+/, `remapped 400+70000 -> ${SLOTS + 1000}`));
  const runs = extents.filter(({ state }) => state === "remapped");
  assert.deepEqual(runs.map(({ length }) => length), [32768, 32768, 4464]);
  assert.equal(runs[2]?.slot, SLOTS + 1000 + 65536);
});

Deno.test("counts that no longer fit are told, and do not matter", () => {
  const { notes } = plan(edited("pending 200+2", "pending 200+3"));
  assert.match(notes.join(), /pending is 3, not "2"/);
});

Deno.test("each mistake names its line", () => {
  const at = (start: string) => lineOf(textOf(), start);
  refuses("", /empty/);
  refuses("<superblock uuid=''>", /no text of `meta dump`/, 1);
  refuses(edited("text_version: 1", "text_version: 2"), /version 2/);
  refuses(edited(/\nend\n$/, "\n"), /cut off/);
  refuses(`${textOf()}pending 5+1\n`, /behind "end"/);
  refuses(edited("pending 200+2", "pendign 200+2"), /"pendign" is neither/, at("pending 200"));
  refuses(edited("pending 200+2", "pending 200+"), /does not read/, at("pending 200"));
  refuses(edited("pending 200+2", "pending 200+0"), /no sectors/, at("pending 200"));
  refuses(edited("pending 200+2", "pending 200+2 -> 9"), /have no "-> 9"/);
  refuses(edited(/lost 100\+8 -> \d+/, "lost 100+8"), /need the slot/, at("lost 100"));
  refuses(edited("args:", "argv:"), /no field "argv"/);
  refuses(edited("args:", 'name: "r1"\nargs:'), /stands in line \d+ already/);
  refuses(edited(/uuid: .*/, "uuid: 0123"), /no UUID/, at("uuid"));
  refuses(edited(/created: .*/, "created: lately"), /no time/, at("created"));
  refuses(edited(/\nmain_sectors: .*/, ""), /"main_sectors" is missing/);
  refuses(edited('"r0"', '"r0'), /quotes/, at("name"));
  refuses(edited('"r0"', `"${"é".repeat(64)}"`), /longer than 127 bytes/);
  refuses(edited("block_sectors: 1", "block_sectors: 3"), /block_sectors/);
  refuses(edited("block_sectors: 1", "block_sectors: 8"), /whole logical blocks/);
  refuses(edited("incompat: 0", "incompat: 1"), /does not know/);
  refuses(edited(/\nspare_sectors: .*/, "\nspare_sectors: 100"), /too small/);
});

Deno.test("what the kernel would refuse is refused", () => {
  refuses(edited("pending 200+2", "pending 107+2"), /sector 107 stands in line/);
  refuses(edited(`-> ${SLOTS + 8}`, `-> ${SLOTS}`), /slot \d+ stands in line/);
  refuses(edited(`bad ${SLOTS + 200}`, `bad ${SLOTS + 102}`), /slot \d+ stands in line/);
  refuses(edited(`-> ${SLOTS + 8}`, `-> ${SLOTS - 8}`), /out of range: slots go from/);
  refuses(edited("pending 200+2", `pending ${SUPERBLOCK.mainSectors - 1}+2`), /end of main/);
});

Deno.test("names cannot steer a terminal", () => {
  assert.equal(quote("\x1b[2J\u009b\u202e"), '"\\u001b[2J\\u009b\\u202e"');
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assert.equal(JSON.parse(quote(text)), text);
    assert.match(quote(text), /^\P{Cc}*$/u);
  }));
});

Deno.test("times that no calendar has stay numbers", () => {
  assert.equal(timeText(0), "1970-01-01T00:00:00Z");
  assert.equal(timeText(2 ** 50), String(2 ** 50));
  const text = textOf({ ...SUPERBLOCK, created: 2 ** 50 });
  assert.equal(plan(text).fields.created, 2 ** 50);
});

Deno.test("any sound table comes back", () => {
  const state = fc.constantFrom(...LINE_STATES);
  const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(50), state), {
    maxLength: 200,
  });
  fc.assert(fc.property(runs, (list) => {
    let [first, slot] = [0, SLOTS];
    const extents: Extent[] = [];
    for (const [length, gap, state] of list) {
      const bad = state === "bad";
      extents.push({ first: bad ? 0 : first, length, slot: hasSlot(state) ? slot : 0, state });
      if (!bad) first += length + gap;
      if (hasSlot(state)) slot += length + gap;
    }
    assert.ok(slot < SLOTS + slots);
    extents.sort((a, b) => Number(a.state === "bad") - Number(b.state === "bad"));
    assert.deepEqual(plan(textOf(SUPERBLOCK, extents)).extents, extents);
  }));
});

Deno.test("where the content came from stays with it", () => {
  const linkedUuid = "99999999-8888-4777-8666-555555555555";
  const text = textOf({ ...SUPERBLOCK, linkedUuid, linkedGeneration: 12 });
  const { fields } = plan(text);
  assert.deepEqual([fields.linkedUuid, fields.linkedGeneration], [linkedUuid, 12]);
  assert.doesNotMatch(textOf(), /linked/);
  refuses(text.replace(linkedUuid, "0"), /no UUID/, lineOf(text, "linked_uuid"));
  refuses(text.replace(": 12\n", ": 281474976710656\n"), /linked_generation: is impossible/);
});
