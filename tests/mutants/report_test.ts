// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parsePatch } from "./patch.ts";
import { formatList, formatOutcomes, type Outcome, outcomesJson } from "./report.ts";

const MUTANT = parsePatch(
  "kmod/x",
  "Breaks: promise 4: no flush\nRun: deno run -A x.ts\nCaught-by: remap\n\n" +
    "diff --git a/kmod/x.c b/kmod/x.c\n--- a/kmod/x.c\n+++ b/kmod/x.c\n",
);
const CAUGHT: Outcome = {
  ...{ mutant: MUTANT, seconds: 12.3, verdict: "caught", by: "remap: promise 4", why: [] },
};

Deno.test("a line for each, and the sum", () => {
  assert.equal(
    formatOutcomes([CAUGHT]),
    "MUTANT  BREAKS               CAUGHT BY          S\n" +
      "kmod/x  promise 4: no flush  remap: promise 4  12\n\n1 passed, 0 failed",
  );
});

Deno.test("of one that was not caught, what its command has said", () => {
  const outcomes: Outcome[] = [
    CAUGHT,
    { ...CAUGHT, verdict: "survived", by: "nothing", why: ["9 passed, 0 failed"] },
  ];
  const text = formatOutcomes(outcomes);
  assert.match(text, /no flush +SURVIVED: nothing +12\n/);
  assert.match(text, /\nkmod\/x: survived: nothing\n {2}9 passed, 0 failed\n\n1 passed, 1 failed$/);
});

Deno.test("the list has the commands", () => {
  assert.match(formatList([MUTANT]), /kmod\/x +promise 4: no flush +remap +deno run -A x\.ts$/);
});

Deno.test("for programs", () => {
  assert.deepEqual(JSON.parse(outcomesJson([CAUGHT])), {
    schema_version: 1,
    mutants: [{
      name: "kmod/x",
      breaks: "promise 4: no flush",
      command: "deno run -A x.ts",
      verdict: "caught",
      by: "remap: promise 4",
      seconds: 12,
    }],
  });
});
