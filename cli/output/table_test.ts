// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { formatColumns, formatPairs } from "./table.ts";

Deno.test("columns line up, numbers to the right, no frame and no colour", () => {
  const text = formatColumns(
    [{ heading: "NAME" }, { heading: "LOST", numeric: true }, { heading: "HEALTH" }],
    [["r0", "5", "good"], ["longer", "1024", "degraded"]],
  );
  assert.equal(text, "NAME    LOST  HEALTH\nr0         5  good\nlonger  1024  degraded");
});

Deno.test("a table of nothing still has its headings", () => {
  assert.equal(formatColumns([{ heading: "NAME" }, { heading: "SIZE" }], []), "NAME  SIZE");
});

Deno.test("pairs line up", () => {
  assert.equal(
    formatPairs([["main", "8:0"], ["spare used", "1"]]),
    "  main:       8:0\n  spare used: 1",
  );
});
