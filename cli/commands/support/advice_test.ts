// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { documentedThresholds } from "../../../tests/health/judge.ts";
import { parseReasons } from "../../device/health.ts";
import { parseStatus, type RemapStatus } from "../../device/status_line.ts";
import type { RemapFeatures } from "../../device/table_line.ts";
import { CONDITION_IDS, conditionSentence, conditionsOf } from "./advice.ts";
import { HEALTHY } from "./fake_mapper.ts";

interface Case {
  readonly reasons?: string;
  readonly status?: Partial<RemapStatus>;
  readonly features?: RemapFeatures;
  readonly suspended?: boolean;
}

function conditions({ reasons = "none", status = {}, features = {}, suspended = false }: Case) {
  return conditionsOf({
    name: "r0",
    suspended,
    status: { ...parseStatus(HEALTHY), ...status },
    features,
    reasons: parseReasons(reasons),
  });
}

const ids = (of: Case) => conditions(of).map(({ id }) => id);

Deno.test("nothing is the matter with a healthy device, relocations or not", () => {
  assert.deepEqual(ids({}), []);
  assert.deepEqual(ids({ status: { remapped: 30n } }), []);
});

Deno.test("each word of the target has its id", () => {
  const expected: Readonly<Record<string, string>> = {
    "main_dead": "main-not-answering",
    "spare_dead": "spare-not-answering",
    "storm": "relocation-paused",
    "metadata_ro": "metadata-read-only",
    "slots_left:0%": "spare-full",
    "slots_left:1%": "spare-nearly-full",
    "remaps_left:0%": "remaps-used-up",
    "remaps_left:20%": "remaps-nearly-used-up",
    "lost:3": "sectors-lost",
    "pending:3": "sectors-pending",
    "bad_slots:1": "bad-slots",
    "relocated:128": "many-relocations",
    "device_errors:1": "device-errors",
    "write_errors:1": "writes-failing",
    "verify_errors:1": "data-changed",
  };
  for (const [reasons, id] of Object.entries(expected)) assert.deepEqual(ids({ reasons }), [id]);
  const words = new Set(Object.keys(expected).map((reason) => reason.split(":")[0]));
  assert.deepEqual(words, new Set(documentedThresholds().map(({ word }) => word)));
  assert.deepEqual(ids({ reasons: "heat:71C,noise:3%" }), ["unknown-reason", "unknown-reason"]);
});

Deno.test("pending sectors are lost ones too, and are not told twice", () => {
  assert.deepEqual(ids({ reasons: "lost:3,pending:3" }), ["sectors-pending"]);
  const [lost, pending] = conditions({ reasons: "lost:5,pending:1" });
  assert.match(lost!.status, /of 4 relocated sectors is lost/);
  assert.match(pending!.status, /^1 sector of the main device cannot be read$/);
  assert.match(pending!.action, /writing heals it$/);
});

Deno.test("the most urgent comes first", () => {
  const all = ids({
    reasons: "bad_slots:1,lost:2,slots_left:0%,storm,main_dead",
    status: { remapped: 2n, mode: "fail" },
    features: { volatile: true },
    suspended: true,
  });
  assert.deepEqual(all, [
    "device-suspended",
    "device-failed",
    "main-not-answering",
    "relocation-paused",
    "spare-full",
    "sectors-lost",
    "bad-slots",
    "table-in-memory",
  ]);
});

Deno.test("modes, and a table in memory with something in it", () => {
  assert.deepEqual(ids({ status: { mode: "ro" } }), ["nothing-relocated"]);
  assert.deepEqual(ids({ features: { volatile: true } }), []);
  assert.deepEqual(ids({ features: { volatile: true }, status: { remapped: 1n } }), [
    "table-in-memory",
  ]);
});

Deno.test("sentences can be put together", () => {
  const reasons = documentedThresholds().map(({ word, met }) =>
    met === "yes" ? word : `${word}:1${met.endsWith("%") ? "%" : ""}`
  ).join(",");
  for (const condition of conditions({ reasons, suspended: true, status: { mode: "ro" } })) {
    for (const text of [condition.status, condition.action]) {
      assert.doesNotMatch(text, /\.$|\b1 \w+s\b|undefined/, text);
    }
    assert.ok(conditionSentence(condition).startsWith(condition.status));
  }
});

Deno.test("docs/health.md explains every id, and no other", () => {
  const path = join(import.meta.dirname ?? ".", "..", "..", "..", "docs", "health.md");
  const headings = [...Deno.readTextFileSync(path).matchAll(/^### ([a-z-]+)$/gm)].map((m) => m[1]!);
  assert.deepEqual(headings, [...CONDITION_IDS]);
});
