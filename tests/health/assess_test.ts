// SPDX-License-Identifier: GPL-2.0-only
// The module's thresholds from both sides, against what docs/health.md says of them.
import assert from "node:assert/strict";
import { HEALTH_STATES } from "../../cli/device/status_line.ts";
import { ask, documentedThresholds, sourceThresholds, type Threshold } from "./judge.ts";

Deno.test("the table in docs/health.md is the one in the module", () => {
  const rows = sourceThresholds();
  assert.ok(rows.length > 20, `only ${rows.length} rows understood`);
  assert.deepEqual(documentedThresholds(), rows);
});

/** Numbers that bring a metric to a value; percents are of 1000 slots and 1000 relocations. */
function numbers(word: string, value: number): string {
  switch (word) {
    case "slots_left":
      return `slots_total=1000 slots_free=${value * 10}`;
    case "remaps_left":
      return `max_remaps=1000 remapped=${1000 - value * 10}`;
    case "bad_slots":
      return `slots_bad=${value}`;
    default:
      return `${word}=${value}`;
  }
}

/** Where a row is met for the first time, and the neighbour where it is not. */
function bounds({ met }: Threshold): readonly [met: number, unmet: number] {
  const bound = Number(/\d+/.exec(met)?.[0] ?? 1);
  if (met === "yes") return [1, 0];
  return met.startsWith("at least") ? [bound, bound - 1] : [bound, bound + 1];
}

function reason({ word, met }: Threshold, value: number): string {
  if (met === "yes") return word;
  return met.startsWith("at least") ? `${word}:${value}` : `${word}:${value}%`;
}

/** What the milder rows of the same metric say of a value. */
function milder(rows: readonly Threshold[], row: Threshold): Threshold | undefined {
  return rows.slice(0, rows.indexOf(row)).findLast(({ word }) => word === row.word);
}

function reply(row: Threshold | undefined, value: number): string {
  if (row === undefined) return "health=good score=100 reason=none";
  return `health=${row.state} score=${100 - row.points} reason=${reason(row, value)}`;
}

Deno.test("each threshold from both sides", async () => {
  const rows = documentedThresholds();
  const cases = rows.flatMap((row) => {
    const [met, unmet] = bounds(row);
    return [
      { question: numbers(row.word, met), answer: reply(row, met) },
      { question: numbers(row.word, unmet), answer: reply(milder(rows, row), unmet) },
    ];
  });
  const answers = await ask(cases.map(({ question }) => `assess ${question}`));
  for (const [index, { question, answer }] of cases.entries()) {
    assert.equal(answers[index], answer, question);
  }
});

Deno.test("each metric gets worse from row to row", () => {
  const rows = documentedThresholds();
  const rank = (row: Threshold) => HEALTH_STATES.findIndex((state) => state === row.state);
  for (const row of rows) {
    const before = milder(rows, row);
    if (before === undefined) continue;
    assert.ok(rank(row) > rank(before) && row.points > before.points, row.word);
  }
});

Deno.test("several reasons: the worst state, all points, the words in the table's order", async () => {
  const everything =
    "main_dead=1 spare_dead=1 storm=1 metadata_ro=1 slots_free=0 max_remaps=5 remapped=6 " +
    "lost=18446744073709551615 pending=18446744073709551615 slots_bad=18446744073709551615 " +
    "relocated=18446744073709551615 device_errors=18446744073709551615 " +
    "write_errors=18446744073709551615 verify_errors=18446744073709551615";
  const [few, many, all, usual, lastSlot, noSlots] = await ask([
    "assess lost=3 pending=3 slots_free=40",
    "assess spare_dead=1 lost=64 pending=1",
    `assess ${everything}`,
    "assess remapped=30 relocated=30 slots_free=970 max_remaps=1024",
    "assess slots_total=102400 slots_free=1",
    "assess slots_total=0 slots_free=0",
  ]);
  assert.equal(few, "health=degraded score=55 reason=slots_left:4%,lost:3,pending:3");
  assert.equal(many, "health=critical score=5 reason=spare_dead,lost:64,pending:1");
  assert.match(
    all!,
    /^health=failed score=0 reason=main_dead,spare_dead,storm,metadata_ro,slots_left:0%,/,
  );
  assert.equal(all!.split(",").length, new Set(documentedThresholds().map((r) => r.word)).size);
  assert.equal(usual, "health=good score=100 reason=none");
  assert.equal(lastSlot, "health=degraded score=70 reason=slots_left:1%");
  assert.equal(noSlots, "health=good score=100 reason=none");
});

Deno.test("a window forgets after an hour, and says when", async () => {
  const questions = ["follow 1000 5", "follow 1100 5", "follow 4000 7", "follow 4499 7"];
  const later = ["follow 4500 7", "follow 4500 3", "follow 20000 8", "follow 23600 8"];
  const answers = await ask([...questions, ...later, "reset", "follow 0 0", "follow 10 2"]);
  assert.deepEqual(answers.slice(0, 8), [
    "5 3500", // the step from 900 to 1200 is forgotten at 4500
    "5 3400",
    "7 500",
    "7 1",
    "2 3000",
    "2 3000", // a counter never gets less: an old reading
    "1 3400",
    "0 0",
  ]);
  assert.deepEqual(answers.slice(8), ["ok", "0 0", "2 3590"]);
});

Deno.test("a window never shows more than happened in an hour, nor less than in 55 minutes", async () => {
  const events: number[] = [];
  for (let at = 0, jump = 1; at < 40_000; jump = (jump * 7919 + 13) % 997) {
    at += jump;
    events.push(at);
  }
  const answers = await ask(events.map((at, index) => `follow ${at} ${index + 1}`));
  for (const [index, at] of events.entries()) {
    const sum = Number(answers[index]!.split(" ")[0]);
    const within = (seconds: number) =>
      events.filter((other) => other <= at && other > at - seconds).length;
    assert.ok(sum <= within(3600) && sum >= within(3300), `${sum} at ${at}`);
  }
});
