// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { moduleSources } from "../../cli/kmod/sources.ts";
import type { Counts } from "../coverage/gcov.ts";
import { allocatingLines, type Allocation, ALLOCATIONS, locate } from "./sites.ts";
import { type FailedAt, judgeAll, unknownCalls } from "./verdict.ts";

const SOURCE = `int f(void)
{
	/* As kzalloc(1) does it. */
	p = kzalloc(4,
		    GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	kobject_uevent(p);
}
`;
const LIST: readonly Allocation[] = [
  { file: "a.c", call: "p = kzalloc(", then: "return -ENOMEM;" },
  { file: "a.c", call: "kobject_uevent(", reason: "nobody hears it" },
];
const SOURCES = new Map([["a.c", SOURCE]]);
const BOTH: readonly FailedAt[] = [{ file: "a.c", line: 5 }, { file: "a.c", line: 8 }];

function counted(line: number, count: number, branches: readonly number[] = []): Counts {
  return new Map([["a.c", new Map([[line, { line, count, branches }]])]]);
}

function failing(failed: readonly FailedAt[], counts: Counts, list = LIST): string[] {
  return judgeAll(SOURCES, list, failed, counts).filter(({ ok }) => !ok)
    .map(({ line, says }) => `${line} ${says}`);
}

Deno.test("a call is found with the whole statement, and the line that its failure leads to", () => {
  assert.deepEqual(locate(SOURCE, LIST[0]!), { first: 4, last: 5, then: 7 });
  assert.deepEqual(locate(SOURCE, LIST[1]!), { first: 8, last: 8 });
  assert.throws(() => locate(SOURCE, { file: "a.c", call: "kfree(" }));
  assert.throws(() => locate(SOURCE, { file: "a.c", call: "kobject_uevent(", then: "return" }));
});

Deno.test("an allocation counts if it has failed and what is behind it was executed", () => {
  assert.deepEqual(failing(BOTH, counted(7, 1)), []);
  assert.deepEqual(failing(BOTH, counted(7, 0)), [
    "4 failed, but line 7 was not executed in every way",
  ]);
  assert.deepEqual(failing(BOTH, counted(7, 5, [5, 0])).length, 1);
  assert.deepEqual(failing(BOTH.slice(1), counted(7, 1)), ["4 never failed"]);
  assert.deepEqual(failing(BOTH.slice(0, 1), counted(7, 1)), ["8 never failed"]);
});

Deno.test("what cannot fail, and what nothing follows, needs a reason", () => {
  const [first] = LIST;
  const without = [first!, { file: "a.c", call: "kobject_uevent(" }];
  assert.equal(failing(BOTH, counted(7, 1), without).length, 1);
  const cannot = { ...LIST[1]!, cannotFail: true as const };
  assert.deepEqual(failing(BOTH.slice(0, 1), counted(7, 1), [first!, cannot]), []);
});

Deno.test("a call that the list does not know is a failure; a comment is no call", () => {
  assert.deepEqual(allocatingLines(SOURCE), [4, 8]);
  assert.deepEqual(failing(BOTH, counted(7, 1), LIST.slice(0, 1)), [
    "8 not in tests/failslab/sites.ts",
  ]);
});

Deno.test("the list is the module's: each call is there, and there is no other", () => {
  const decoder = new TextDecoder();
  const sources = moduleSources().filter(({ path }) => path.endsWith(".c"));
  for (const { path, content } of sources) {
    assert.deepEqual(unknownCalls(decoder.decode(content), path, ALLOCATIONS), [], path);
  }
  for (const each of ALLOCATIONS) {
    const source = sources.find(({ path }) => path === each.file);
    locate(decoder.decode(source?.content), each);
    assert.ok(each.then !== undefined || each.reason !== undefined, each.call);
  }
});
