// SPDX-License-Identifier: GPL-2.0-only
// The checksums of verify_reads: writes that overlap while memory comes and goes.
import assert from "node:assert/strict";
import { type Mistake, runCompiled } from "./compiled.ts";

const SOURCES = ["dm-remap-verify.c", "dm-remap-verify.h", "dm-remap-verify-word.h"];

Deno.test("what is known is what the medium holds, with memory or without", async () => {
  const { code, text } = await runCompiled("chunks.c", SOURCES);
  assert.equal(code, 0, text);
  const line = /^known=(\d+) forgotten=(\d+) blind=(\d+) failures=(\d+)$/m.exec(text);
  const counts = line?.slice(1).map(Number) ?? [];
  assert.equal(counts.length, 4, text);
  assert.ok(counts.every((count) => count > 100), text);
});

/** Each is a mistake that this test has to find. */
const MISTAKES: readonly (readonly [what: string, mistake: Mistake])[] = [
  ["a chunk comes while a write is under way without it", [
    ["if (READ_ONCE(*blind) || !remap_crcs_reserve_page", "if (!remap_crcs_reserve_page"],
    ["if (!*blind)\n", "if (true)\n"],
  ]],
  ["writes without a chunk are not counted", [["remap_crcs_count_blind(crcs, part, 1);", ";"]]],
  ["their end is not counted", [["remap_crcs_count_blind(crcs, &part, -1);", ";"]]],
  ["data is taken from elsewhere", [[
    "bio_advance_iter(bio, &iter, (part.last - part.first + 1) * bytes);",
    ";",
  ]]],
  ["a discard has data", [["bool has_data = bio_op(bio) == REQ_OP_WRITE &&", "bool has_data ="]]],
  ["the end of a write misses its last block", [[
    "learned += remap_crcs_end_word(word, ok);",
    "if (block < part.last)\n learned += remap_crcs_end_word(word, ok);",
  ]]],
  ["what is forgotten stays counted", [[
    "\tif (forgotten)\n\t\tatomic64_sub(forgotten, &crcs->known);\n",
    "",
  ]]],
  ["only the first chunk is forgotten", [[
    "\tfor (; all.first <= all.last; all.first = part.last + 1) {\n" +
    "\t\tatomic64_t *word = remap_crcs_words(crcs, &all, &part);\n\n" +
    "\t\tfor (block = part.first; word && block <= part.last; block++, word++) {\n" +
    "\t\t\ts64 old",
    "\tif (all.first <= all.last) {\n" +
    "\t\tatomic64_t *word = remap_crcs_words(crcs, &all, &part);\n\n" +
    "\t\tfor (block = part.first; word && block <= part.last; block++, word++) {\n" +
    "\t\t\ts64 old",
  ]]],
  ["pages are not given back", [["atomic_long_dec(&remap_crcs_pages);\n}", "}"]]],
];

for (const [what, mistake] of MISTAKES) {
  Deno.test(`found: ${what}`, async () => {
    const { code, text } = await runCompiled("chunks.c", SOURCES, mistake);
    assert.equal(code, 1, text);
  });
}
