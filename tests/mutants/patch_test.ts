// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parsePatch, PatchError, words } from "./patch.ts";

const DIFF = "diff --git a/kmod/x.c b/kmod/x.c\n--- a/kmod/x.c\n+++ b/kmod/x.c\n";
const HEADER = "Breaks: promise 4: no flush\nRun: deno run -A x.ts --name 'two words'\n";
const patch = (header: string, diff = DIFF) => parsePatch("kmod/x", `${header}\n${diff}`);

Deno.test("a whole mutant", () => {
  assert.deepEqual(patch(`${HEADER}Caught-by: remap\n`), {
    name: "kmod/x",
    breaks: "promise 4: no flush",
    command: ["deno", "run", "-A", "x.ts", "--name", "two words"],
    caughtBy: "remap",
    limitSeconds: 420,
    diff: DIFF,
    files: ["kmod/x.c"],
  });
  assert.equal(patch(`${HEADER}Caught-by: timeout\nTimeout: 60\n`).limitSeconds, 60);
});

Deno.test("what is missing, doubled or wrong is named", () => {
  const refused: readonly [string, RegExp, string?][] = [
    [HEADER, /no "Caught-by:"/],
    [`${HEADER}Caught-by: timeout\n`, /no "Timeout:"/],
    [`${HEADER}Caught-by: x\nTimeout: soon\n`, /a number of seconds/],
    [`${HEADER}Caught-by: x\nCaught-by: y\n`, /"Caught-by:" twice/],
    [`${HEADER}Found-by: x\n`, /not a line of a header: "Found-by: x"/],
    ["Breaks: promise 11: x\nRun: x\nCaught-by: x\n", /begins with "promise N:"/],
    [`${HEADER}Caught-by: x\n`, /no diff that git would take/, "--- a/x\n+++ b/x\n"],
  ];
  for (const [header, why, diff] of refused) {
    assert.throws(() => patch(header, diff), (error) => {
      assert(error instanceof PatchError);
      assert.match(error.message, /^kmod\/x: /);
      assert.match(error.message, why);
      return true;
    });
  }
  assert.throws(() => parsePatch("kmod/x", HEADER), /no empty line/);
});

Deno.test("words of a command line", () => {
  assert.deepEqual(words(`a "b c" d='e f'  g`), ["a", "b c", "d=e f", "g"]);
});
