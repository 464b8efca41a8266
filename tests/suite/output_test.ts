// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { NamedLines } from "./output.ts";

Deno.test("only whole lines are said, each with its name, and the last one at the end", () => {
  let said = "";
  const lines = new NamedLines("unit", (text) => said += text);
  lines.write("one\ntw");
  assert.equal(said, "unit | one\n");
  lines.write("o\n\nthree");
  assert.equal(said, "unit | one\nunit | two\nunit | \n");
  lines.end();
  lines.end();
  assert.equal(said, "unit | one\nunit | two\nunit | \nunit | three\n");
});
