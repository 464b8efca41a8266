// SPDX-License-Identifier: GPL-2.0-only
// A loader with a mistake is found: in the C one, which both parts of the campaign then are given.
import assert from "node:assert/strict";
import { damageCampaign, forgeryCampaign, loadByTool } from "./campaign.ts";
import { type Mistake, NativeLoader } from "./native.ts";

const options = { histories: 200, seed: 3, quick: true };

/** Each makes another table of something, without any help of the tool's loader. */
const MISTAKES: readonly (readonly [what: string, ...Mistake])[] = [
  ["a hole in the journal is its end", "is_of(block, l->generation, l->salt)))", "0))"],
  [
    "a lost checkpoint is not looked for",
    "if (is_ours(l, block, REMAP_MAGIC_CHECKPOINT)) {",
    "if (0) {",
  ],
  ["a checkpoint that was given up counts", "if (found && is_stale(l, next))", "if (0)"],
  ["half a transaction counts", "if (is_last(block)) {\n\t\t\t*used", "{\n\t\t\t*used"],
  [
    "another device's journal is no journal",
    "!is_ours(l, block, REMAP_MAGIC_JOURNAL))\n",
    "0)\n",
  ],
  [
    "the older superblock counts",
    "copy = sequence[1] > sequence[0]",
    "copy = sequence[1] < sequence[0]",
  ],
];

for (const [what, ...mistake] of MISTAKES) {
  Deno.test(`found by damage: ${what}`, async () => {
    using wrong = await NativeLoader.build(mistake);
    const load = wrong.load.bind(wrong);
    assert.throws(() => damageCampaign(options, { byTool: load, native: load }));
  });
}

Deno.test("found by forgery: a slot is given twice", async () => {
  using wrong = await NativeLoader.build(['return "a slot is used twice";', ";"]);
  const loaders = { byTool: loadByTool, native: wrong.load.bind(wrong) };
  assert.throws(() => forgeryCampaign({ ...options, histories: 600 }, loaders));
});
