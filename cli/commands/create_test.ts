// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { formatTable, parseTable } from "../device/table_line.ts";
import { type FeatureOptions, featuresOf } from "./create.ts";
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

Deno.test("each option is the feature argument of its name", () => {
  const line = (options: Partial<FeatureOptions>) => {
    const features = featuresOf({ autoRemap: true, ...options });
    return formatTable({ ...parseTable("0 8 remap 8:0 0 8:16 0 8"), features }).split(" ").slice(8);
  };
  const cases: [Partial<FeatureOptions>, string][] = [
    [{}, ""],
    [{ volatile: true }, "1 volatile"],
    [{ maxRemaps: 0n }, "2 max_remaps 0"],
    [{ autoRemap: false }, "1 no_auto_remap"],
    [{ retries: 7n }, "2 retries 7"],
    [{ retryDelayMs: 0n }, "2 retry_delay_ms 0"],
    [{ proactive: true }, "1 proactive"],
    [{ pendingPolicy: "verify" }, "2 pending_policy verify"],
    [{ verifyReads: true }, "1 verify_reads"],
    [{ scanIntervalS: 86_400n }, "2 scan_interval_s 86400"],
  ];
  for (const [options, words] of cases) assert.equal(line(options).join(" "), words);
});
