// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { verdict } from "./doctor.ts";
import type { Check } from "./support/checks.ts";
import { runTool } from "./support/fake_mapper.ts";

const ROOT: Check = { name: "root", purpose: "use", ok: true, detail: "" };
const MODULE: Check = { name: "module", purpose: "use", ok: true, detail: "", isTarget: true };
const FIO: Check = { name: "fio", purpose: "selftest", ok: true, detail: "" };

Deno.test("only what use needs decides", () => {
  assert.equal(verdict([ROOT, MODULE, FIO]), 0);
  assert.equal(verdict([ROOT, MODULE, { ...FIO, ok: false }]), 0);
  assert.equal(verdict([ROOT, { ...MODULE, ok: false }, FIO]), 6);
  assert.equal(verdict([{ ...ROOT, ok: false }, { ...MODULE, ok: false }]), 1);
});

Deno.test("the report and its JSON agree", async () => {
  const human = await runTool(["doctor"]);
  const json = await runTool(["doctor", "--json"]);
  assert.equal(human.code, json.code);
  const { ready, checks, missing_packages } = JSON.parse(json.out);
  assert.equal(ready, json.code === 0);
  assert.ok(Array.isArray(missing_packages));
  for (const { name } of checks) assert.ok(human.out.includes(name), name);
});
