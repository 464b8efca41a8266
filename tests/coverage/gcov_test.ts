// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { addCounts, countersIn, type Counts, parseGcov } from "./gcov.ts";
import { byFolder, parseLcov } from "./lcov.ts";
import { addShares, formatMissed, formatSummaries, percent, summarize } from "./summary.ts";

function document(file: string, lines: readonly [number, number, readonly number[]][]): string {
  return JSON.stringify({
    files: [{
      file,
      lines: lines.map(([line_number, count, branches]) => ({
        line_number,
        count,
        branches: branches.map((each) => ({ count: each })),
      })),
    }],
  });
}

const ONE = document("/b/dm-remap-io.c", [[3, 2, [2, 0]], [4, 0, []], [9, 0, [0, 0]]]);
const OTHER = document("/b/dm-remap-io.c", [[3, 1, [0, 1]], [4, 0, []], [9, 0, [0, 0]]]);

function lineOf(counts: Counts, line: number): unknown {
  return counts.get("dm-remap-io.c")?.get(line);
}

Deno.test("lines and branches of several runs add up; the kernel's headers do not count", () => {
  const sum = parseGcov(ONE);
  addCounts(sum, parseGcov(`${OTHER}\n${document("/k/include/linux/list.h", [[1, 1, []]])}\n`));
  assert.deepEqual([...sum.keys()], ["dm-remap-io.c"]);
  assert.deepEqual(lineOf(sum, 3), { line: 3, count: 3, branches: [2, 1] });
  assert.deepEqual(lineOf(sum, 4), { line: 4, count: 0, branches: [] });
});

Deno.test("a line that is compiled more than once was reached if any of it was", () => {
  const [io] = summarize(parseGcov(document("dm-remap-io.c", [[3, 0, [0, 0]], [3, 1, [1, 0]]])));
  assert.deepEqual(io?.lines, { hit: 1, all: 1 });
  assert.deepEqual(io?.branches, { hit: 1, all: 2 });
});

Deno.test("branches of lines that were not reached are not counted once more", () => {
  const [io] = summarize(parseGcov(ONE));
  assert.deepEqual(io?.lines, { hit: 1, all: 3 });
  assert.deepEqual(io?.branches, { hit: 1, all: 2 });
  assert.deepEqual(io?.missed, [4, 9]);
});

Deno.test("what is missed is shown with its text", () => {
  const source = ["", "", "", "\treturn r;", "", "", "", "", "\tgoto out;"];
  assert.equal(
    formatMissed(summarize(parseGcov(ONE)), () => source),
    "dm-remap-io.c\n     4  \treturn r;\n     9  \tgoto out;",
  );
  assert.match(formatSummaries("MODULE", summarize(parseGcov(ONE))), /all\s+1\/3\s+33\.3 %/);
});

Deno.test("a share that is not whole never looks so", () => {
  assert.equal(percent({ hit: 9999, all: 10000 }), "99.9 %");
  assert.equal(percent({ hit: 3, all: 3 }), "100.0 %");
  assert.equal(percent({ hit: 0, all: 0 }), "-");
  assert.deepEqual(addShares([{ hit: 1, all: 2 }, { hit: 3, all: 4 }]), { hit: 4, all: 6 });
});

Deno.test("counters are the module's, and a run may have left none", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/0.json`, "{}");
    assert.deepEqual(countersIn(dir), []);
    for (const name of ["dm-remap-io.gcda", "dm-remap.mod.gcda", "dm-remap-args.gcda"]) {
      await Deno.writeTextFile(`${dir}/${name}`, "");
    }
    assert.deepEqual(countersIn(dir), ["dm-remap-args.gcda", "dm-remap-io.gcda"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("the tool's files are summed by folder", () => {
  const record = (path: string, hit: number) =>
    `SF:/r/${path}\nDA:1,1\nDA:2,0\nBRF:2\nBRH:1\nLH:${hit}\nLF:2\nend_of_record\n`;
  const files = parseLcov(
    record("cli/app.ts", 1) + record("cli/device/a.ts", 1) + record("cli/device/spare/b.ts", 2),
    "/r",
  );
  assert.deepEqual(files[0]?.missed, [2]);
  assert.deepEqual(byFolder(files).map(({ name, lines }) => [name, lines.hit, lines.all]), [
    ["cli", 1, 2],
    ["cli/device", 3, 4],
  ]);
});
