// SPDX-License-Identifier: GPL-2.0-only
// The words of verify_reads: every order of up to four writes to a block.
import assert from "node:assert/strict";
import { type Mistake, runCompiled } from "./compiled.ts";

const explore = (mistake?: Mistake) => runCompiled("word.c", ["dm-remap-verify-word.h"], mistake);

Deno.test("a word says known only of what the medium holds", async () => {
  const { code, text } = await explore();
  assert.equal(code, 0, text);
  const [, states, known] = /^states=(\d+) known=(\d+)$/m.exec(text) ?? [];
  assert.ok(Number(states) > 1_000_000, text);
  assert.ok(Number(known) > 1_000, text);
});

/** Each is a mistake that this test has to find. */
const MISTAKES: readonly (readonly [what: string, from: string, to: string])[] = [
  ["overlap is no conflict", "if (writers || !has_data)", "if (!has_data)"],
  ["a discard is data", "if (writers || !has_data)", "if (writers)"],
  ["a failure is forgotten", "if (!ok)", "if (false)"],
  ["known before the last ends", "if (word & REMAP_WORD_WRITERS)\n\t\treturn word;", ""],
  ["never known", "word | REMAP_WORD_KNOWN;", "word;"],
  ["the conflict is forgotten", "return word & REMAP_WORD_CONFLICT ?", "return false ?"],
  [
    "the count runs over",
    "if (writers == REMAP_WORD_WRITERS)\n\t\treturn word;\n\tif (writers ||",
    "if (writers ||",
  ],
  ["no turns", "(word + REMAP_WORD_TURN) & REMAP_WORD_TURNS", "word & REMAP_WORD_TURNS"],
  ["nothing is forgotten", "return word & ~REMAP_WORD_KNOWN;", "return word;"],
];

for (const [what, from, to] of MISTAKES) {
  Deno.test(`found: ${what}`, async () => {
    const { code, text } = await explore([[from, to]]);
    assert.equal(code, 1, text);
  });
}
