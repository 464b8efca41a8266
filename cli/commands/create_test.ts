// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { runTool } from "./support/fake_mapper.ts";

Deno.test("without --volatile nothing is touched, and the reason is told", async () => {
  const { code, err } = await runTool(["create", "r0", "/nonexistent", "/nonexistent"]);
  assert.equal(code, 2);
  assert.match(err, /cannot store the table/);
  assert.match(err, /--volatile/);
});

Deno.test("wrong values are usage errors", async () => {
  const wrong = [
    ["--retries", "many"],
    ["--retries", "4294967296"],
    ["--length", "-1"],
    ["--pending-policy", "maybe"],
    ["--units", "kB"],
  ];
  for (const option of wrong) {
    const { code } = await runTool(["create", "r0", "/dev/a", "/dev/b", "--volatile", ...option]);
    assert.equal(code, 2, option.join(" "));
  }
  assert.equal((await runTool(["create", "a/b", "/dev/a", "/dev/b", "--volatile"])).code, 2);
});

Deno.test("what is no block device is refused", async () => {
  for (const path of ["/nonexistent", "/tmp", "/dev/null", import.meta.filename ?? ""]) {
    const { code, err } = await runTool(["create", "r0", path, path, "--volatile", "--json"]);
    assert.equal(code, 1, path);
    assert.ok(JSON.parse(err).error.device.includes(path), err);
  }
});
