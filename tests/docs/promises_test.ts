// SPDX-License-Identifier: GPL-2.0-only
// Every promise is held by tests that exist, and every test that is named after one is listed.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { STAGES } from "../../cli/selftest/stages.ts";
import { type Holder, listedPromises, namedCases } from "./promises.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");
const listed = listedPromises(Deno.readTextFileSync(join(root, "docs", "promises.md")));
const named = namedCases(root);

const words = ({ where, case: name }: Holder) => `${where}: ${name}`;

Deno.test("all ten promises are there, each with its words and with what holds it", () => {
  assert.deepEqual(listed.map(({ number }) => number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  for (const { number, text, holders } of listed) {
    assert.ok(text.length > 40, `promise ${number} says "${text}"`);
    assert.ok(holders.length > 1, `promise ${number} is held by ${holders.length} tests`);
  }
});

Deno.test("what holds a promise exists: folders, stages, and cases by their names", () => {
  const known = new Set(named.map((each) => `${each.number} ${words(each)}`));
  for (const { number, holders } of listed) {
    for (const holder of holders) {
      const what = `promise ${number}, ${words(holder)}`;
      if (holder.case !== undefined) assert.ok(known.has(`${number} ${words(holder)}`), what);
      else if (holder.where.startsWith("selftest ")) {
        const stage = holder.where.slice("selftest ".length);
        assert.ok(STAGES.some(({ name }) => name === stage), what);
      } else assert.ok(existsSync(join(root, holder.where)), what);
    }
  }
});

Deno.test("a case that is named after a promise is listed: run tests/docs/promises.ts", () => {
  assert.ok(named.length > 80, `only ${named.length} found`);
  for (const each of named) {
    const holders = listed.find(({ number }) => number === each.number)?.holders ?? [];
    assert.ok(
      holders.some((holder) => words(holder) === words(each)),
      `promise ${each.number}, ${words(each)}`,
    );
  }
});

Deno.test("the cases' stages are stages", () => {
  const stages = new Set(STAGES.map(({ name }) => `selftest ${name}`));
  for (const each of named) assert.ok(stages.has(each.where), words(each));
});

Deno.test("a section is read with its text, its list and its wrapped lines", () => {
  const section = "# T\n\n## Promise 3\n\nA read\nfails.\n\n- `tests/model`\n- `selftest errors`:" +
    " one name\n  goes on\n\n## Next\n\n- `tests/x`\n";
  assert.deepEqual(listedPromises(section), [{
    number: 3,
    text: "A read fails.",
    holders: [
      { where: "tests/model" },
      { where: "selftest errors", case: "one name goes on" },
    ],
  }]);
});
