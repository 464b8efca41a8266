// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { parseStats } from "./messages.ts";
import { counterField, COUNTERS, typeStats } from "./stats.ts";

Deno.test("known counters get their units, unknown ones stay as they are", () => {
  const raw = parseStats("remapped=5\nread_errors=2\nverify_memory_bytes=4096\nheat=hot\nnew=7\n");
  const { known, extra } = typeStats(raw);
  assert.deepEqual([...known], [
    ["remapped_sectors", 5n],
    ["read_errors", 2n],
    ["verify_memory_bytes", 4096n],
  ]);
  assert.deepEqual([...extra], [["heat", "hot"], ["new", 7n]]);
});

Deno.test("a counter that is no number is not passed off as one", () => {
  const { known, extra } = typeStats(parseStats("remapped=many\n"));
  assert.equal(known.size, 0);
  assert.deepEqual([...extra], [["remapped", "many"]]);
});

Deno.test("nothing gets lost, whatever the target says", () => {
  const key = fc.oneof(
    fc.constantFrom(...COUNTERS.map((counter) => counter.key)),
    fc.stringMatching(/^[a-z_]{1,10}$/),
  );
  fc.assert(fc.property(fc.dictionary(key, fc.bigInt({ min: 0n })), (values) => {
    const text = Object.entries(values).map(([name, value]) => `${name}=${value}`).join("\n");
    const raw = parseStats(text);
    const { known, extra } = typeStats(raw);
    assert.equal(known.size + extra.size, raw.size);
    for (const counter of COUNTERS) {
      assert.equal(known.get(counterField(counter)), raw.get(counter.key));
    }
  }));
});

Deno.test("the module has exactly these counters", () => {
  const kmod = join(import.meta.dirname ?? ".", "..", "..", "kmod");
  const sources = [...Deno.readDirSync(kmod)].filter(({ name }) => name.endsWith(".c"))
    .map(({ name }) => Deno.readTextFileSync(join(kmod, name))).join("\n");
  const print = /^void remap_print_stats\([^;]*\)\n\{[^]*?^\}/m.exec(sources);
  assert.ok(print !== null, "remap_print_stats() is not there");
  const names = [...print[0].matchAll(/(?:"|\\n)([a-z_]+)=/g)].map(([, name]) => name);
  assert.deepEqual(names.toSorted(), COUNTERS.map(({ key }) => key).toSorted());
});

Deno.test("docs/target.md explains exactly these counters", () => {
  const path = join(import.meta.dirname ?? ".", "..", "..", "docs", "target.md");
  const row = /^\| `([a-z_]+)` +\| (?:sectors|events|bytes) +\| (.+?) +\|$/gm;
  const rows = [...Deno.readTextFileSync(path).matchAll(row)].map(([, key, means]) => [key, means]);
  assert.deepEqual(rows, COUNTERS.map(({ key, means }) => [key, means]));
});
