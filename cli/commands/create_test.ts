// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { runTool } from "./support/fake_mapper.ts";

Deno.test("a volatile device has no table to format", async () => {
  const { code, err } = await runTool([
    "create",
    "r0",
    "/dev/a",
    "/dev/b",
    "--volatile",
    "--format",
  ]);
  assert.equal(code, 2);
  assert.match(err, /--format/);
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
    const { code } = await runTool(["create", "r0", "/dev/a", "/dev/b", ...option]);
    assert.equal(code, 2, option.join(" "));
  }
  assert.equal((await runTool(["create", "a/b", "/dev/a", "/dev/b"])).code, 2);
});

Deno.test("what is no block device is refused", async () => {
  for (const path of ["/nonexistent", "/tmp", "/dev/null", import.meta.filename ?? ""]) {
    const { code, err } = await runTool(["create", "r0", path, path, "--json"]);
    assert.equal(code, 1, path);
    assert.ok(JSON.parse(err).error.device.includes(path), err);
  }
});

Deno.test("options of a list want a list, and a list wants a device that can be written", async () => {
  const list = ["--badblocks", "/dev/null"];
  const wrong = [
    ["--block-size", "4096"],
    ["--block-size", "4096", "--ddrescue", "/dev/null"],
    ["--states", "-"],
    ["--states", "-", ...list],
    ["--pending"],
    ["--list-offset", "8"],
    [...list, "--ddrescue", "/dev/null"],
    [...list, "--block-size", "0"],
    [...list, "--read-only"],
  ];
  for (const options of wrong) {
    const { code } = await runTool(["create", "r0", "/dev/a", "/dev/b", ...options]);
    assert.equal(code, 2, options.join(" "));
  }
  // The devices are looked at before the list is.
  const { code, err } = await runTool(["create", "r0", "/nonexistent", "/dev/b", ...list]);
  assert.equal(code, 1);
  assert.match(err, /\/nonexistent/);
});
