// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseOptions, PARTS, UsageError } from "./options.ts";

Deno.test("nothing given: everything, on 6.1, as a table", () => {
  assert.deepEqual(parseOptions([]), { kernel: "6.1", parts: PARTS, json: false, help: false });
});

Deno.test("--json with and without a file", () => {
  assert.equal(parseOptions(["--json"]).json, true);
  assert.equal(parseOptions(["--json"]).jsonFile, undefined);
  assert.equal(parseOptions(["--json", "out.json"]).jsonFile, "out.json");
  assert.equal(parseOptions(["--json", "out.json"]).json, false);
  assert.equal(parseOptions(["--json=out.json"]).jsonFile, "out.json");
  const both = parseOptions(["--json", "--kernel", "6.12"]);
  assert.deepEqual([both.json, both.kernel], [true, "6.12"]);
});

Deno.test("parts keep their order and are not repeated", () => {
  const { parts } = parseOptions(["--part", "start", "--part=io", "--part", "io"]);
  assert.deepEqual(parts, ["io", "start"]);
});

Deno.test("what is not understood is refused", () => {
  const refused = [["--part", "x"], ["--kernel"], ["--module", "--json"], ["--fast"], ["x"]];
  for (const args of refused) assert.throws(() => parseOptions(args), UsageError, args.join(" "));
});
