// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { formatMetrics, metricOf, replaceTextfile } from "./textfile.ts";

Deno.test("help, type, labels and values; a family without values is left out", () => {
  const text = formatMetrics([
    { name: "a_bytes", help: "of\nwhat \\", type: "gauge", samples: [{ value: 12n }] },
    { name: "none", help: "nothing", type: "counter", samples: [] },
    {
      name: "b",
      help: "more",
      type: "counter",
      samples: [{ labels: { device: 'a"b\\c\nd', kind: "x" }, value: 1.5 }],
    },
  ]);
  assert.equal(
    text,
    "# HELP a_bytes of\\nwhat \\\\\n# TYPE a_bytes gauge\na_bytes 12\n" +
      '# HELP b more\n# TYPE b counter\nb{device="a\\"b\\\\c\\nd",kind="x"} 1.5\n',
  );
  assert.equal(metricOf(text, "a_bytes"), 12);
  assert.equal(metricOf(text, "b"), undefined);
  assert.equal(metricOf("a_bytes x\n", "a_bytes"), undefined);
});

Deno.test("a file is replaced at once, readable for all, and nothing else is left", () => {
  const folder = Deno.makeTempDirSync();
  const before = Deno.umask(0o077);
  try {
    const path = join(folder, "x.prom");
    for (const text of ["one 1\n", "two 2\n"]) {
      replaceTextfile(path, text);
      assert.equal(Deno.readTextFileSync(path), text);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o644);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["x.prom"]);
    }
    // A folder in its place: the rename fails, and what was written goes again.
    const taken = join(folder, "folder.prom");
    Deno.mkdirSync(taken);
    assert.throws(() => replaceTextfile(taken, "x 1\n"));
    assert.equal([...Deno.readDirSync(folder)].length, 2);
  } finally {
    Deno.umask(before);
    Deno.removeSync(folder, { recursive: true });
  }
});
