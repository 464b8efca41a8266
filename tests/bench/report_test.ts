// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { CaseId, OperationName } from "./cases.ts";
import type { Measurement } from "./measurements.ts";
import { makeReport } from "./report.ts";
import { countOver, formatReport } from "./report_text.ts";

const io = (id: CaseId, instructions: number, operation: OperationName = "read"): Measurement => ({
  kind: "io",
  case: id,
  operation,
  instructions,
  shortest: 4000,
  count: 20000,
});

Deno.test("I/O is compared with dm-linear, and reads with their budgets", () => {
  const report = makeReport([
    io("brd", 4280),
    io("empty", 6070.04),
    io("linear", 6000),
    io("miss_thousand", 6091),
    io("hit_alone", 6300),
    io("linear", 7000, "write"),
    io("empty", 7100, "write"),
  ]);
  assert.deepEqual(report.io, [
    { case: "brd", read: { instructions: 4280, shortest_instructions: 4000 } },
    {
      case: "linear",
      read: { instructions: 6000, shortest_instructions: 4000, above_linear: 0 },
      write: { instructions: 7000, shortest_instructions: 4000, above_linear: 0 },
    },
    {
      case: "empty",
      read: {
        instructions: 6070,
        shortest_instructions: 4000,
        above_linear: 70,
        budget: 70,
        within_budget: true,
      },
      write: { instructions: 7100, shortest_instructions: 4000, above_linear: 100 },
    },
    {
      case: "miss_thousand",
      read: {
        instructions: 6091,
        shortest_instructions: 4000,
        above_linear: 91,
        budget: 90,
        within_budget: false,
      },
    },
    {
      case: "hit_alone",
      read: { instructions: 6300, shortest_instructions: 4000, above_linear: 300 },
    },
  ]);
  assert.equal(countOver(report), 1);
});

Deno.test("the cut case must stay below the stitched one of the same boot", () => {
  const cut = (instructions: number) =>
    makeReport([io("linear", 6000), io("stitched", 6150), io("cut", instructions)]).io
      .find((row) => row.case === "cut")?.read;
  assert.equal(cut(6149)?.within_budget, true);
  assert.equal(cut(6150)?.within_budget, false);
  assert.equal(cut(6150)?.budget, 150);
});

Deno.test("without dm-linear nothing is judged", () => {
  assert.deepEqual(makeReport([io("empty", 6070)]).io, [
    { case: "empty", read: { instructions: 6070, shortest_instructions: 4000 } },
  ]);
});

Deno.test("memory an entry, cost a sector, start times", () => {
  const report = makeReport(
    [
      { kind: "memory", order: "ascending", entries: 1000, node_bytes: 34_040 },
      { kind: "memory", order: "random", entries: 1000, node_bytes: 42_000 },
      { kind: "request", request: "single", sectors: 1, instructions: 90_000 },
      { kind: "request", request: "single", sectors: 1, instructions: 80_000 },
      { kind: "request", request: "single", sectors: 1, instructions: 81_000 },
      { kind: "request", request: "batch", sectors: 1000, instructions: 9_000_000 },
    ],
    { packed_ms: [70, 90, 80], bundle_ms: [60, 61, 50], source_ms: [100, 100, 100] },
    "6.1.0",
  );
  assert.deepEqual(report.memory.map((row) => [row.entry_bytes, row.within_budget]), [
    [34, true],
    [42, false],
  ]);
  assert.deepEqual(report.requests, [
    { request: "single", sectors: 1, instructions_per_sector: 81_000 },
    { request: "batch", sectors: 1000, instructions_per_sector: 9_000 },
  ]);
  assert.deepEqual(report.start, {
    packed_ms: 80,
    bundle_ms: 60,
    source_ms: 100,
    runs: 3,
    packed_to_bundle: 1.33,
    packed_to_source: 0.8,
    budget_ms: 120,
    budget_ratio: 2.5,
    within_budget: true,
  });
});

Deno.test("the text shows figure, difference, budget and verdict, and only what was measured", () => {
  const text = formatReport(
    makeReport([io("linear", 6000), io("empty", 6081.26)], undefined, "6.1.0"),
  );
  assert.match(text, /^Kernel 6\.1\.0\n/);
  assert.match(text, /remap, empty table +read +6081\.3 +81\.3 +70 +OVER\n/);
  assert.match(text, /dm-linear +read +6000\.0 +0\.0\n/);
  assert.doesNotMatch(text, /START|ENTRIES|MESSAGE|write/);
});

Deno.test("a scan must be nearly as fast as plain reads", () => {
  const scan = (instructions: number) =>
    makeReport([{ kind: "scan", sectors: 1000, plain_instructions: 90_000, instructions }]);
  assert.deepEqual(scan(100_000).scans, [{
    sectors: 1000,
    instructions_per_sector: 100,
    plain_instructions_per_sector: 90,
    percent: 90,
    budget: 90,
    within_budget: true,
  }]);
  assert.equal(countOver(scan(100_000)), 0);
  assert.equal(countOver(scan(101_000)), 1);
  assert.match(formatReport(scan(101_000)), /1,000 sectors +101 +90 +89\.1% +90% +OVER/);
});

Deno.test("what a relocation writes is counted for one, and may be data and a journal block", () => {
  const commit = (writes: number) =>
    makeReport([{
      ...{ kind: "commit", cause: "message", entries: 1000, relocations: 64 },
      ...{ writes, flushes: 64, sectors: 64 * 9, metadata_writes: 64 },
    }]);
  assert.deepEqual(commit(128).commits, [{
    ...{ cause: "message", entries: 1000, writes: 2, metadata_writes: 1, flushes: 1 },
    ...{ written_bytes: 4608, budget: 2, within_budget: true },
  }]);
  assert.equal(countOver(commit(128)), 0);
  assert.equal(countOver(commit(129)), 1);
  assert.match(formatReport(commit(129)), /one sector each +1,000 +2\.02 +1\.00 .* OVER/);
});

Deno.test("an entry costs what a long table takes more than a short one", () => {
  const activation = (entries: number, instructions: number, node_bytes = 0) =>
    ({ kind: "activation", entries, instructions, node_bytes }) as const;
  const report = makeReport([
    activation(1, 2_000_000),
    activation(1000, 2_499_500),
    activation(1_000_000, 1_002_001_000, 34_000_000),
  ]);
  assert.deepEqual(report.activations.map((row) => row.instructions_per_entry), [
    undefined,
    500,
    1000,
  ]);
  assert.deepEqual(report.activations.map((row) => row.entry_bytes), [undefined, undefined, 34]);
  assert.equal(countOver(report), 0);
  assert.equal(countOver(makeReport([activation(1, 1), activation(1001, 6_001_001)])), 1);
  assert.match(formatReport(report), /1,000,000 entries +1,002,001,000 +1000 +34\.0 +6000 +ok/);
});

Deno.test("a checkpoint is told with its writes, its bytes and its ring", () => {
  const text = formatReport(makeReport([{
    ...{ kind: "checkpoint", entries: 1000, writes: 5, sectors: 40 },
    ...{ instructions: 123_456, ring_blocks: 1024 },
  }]));
  assert.match(text, /1,000 entries +5 +20,480 +123,456 +1,024/);
});
