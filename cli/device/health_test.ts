// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError } from "./errors.ts";
import {
  formatHealth,
  formatReasons,
  type HealthReason,
  parseHealth,
  parseReasons,
} from "./health.ts";
import { HEALTH_STATES } from "./status_line.ts";

const word = fc.stringMatching(/^[a-z][a-z_]{0,12}$/).filter((text) => text !== "none");
const value = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const reasons: fc.Arbitrary<HealthReason[]> = fc.array(fc.oneof(
  fc.record({ word }, { noNullPrototype: true }),
  fc.record({ word, value }, { noNullPrototype: true }),
  fc.record({ word, value, percent: fc.constant(true as const) }, { noNullPrototype: true }),
));

Deno.test("the reply of the contract", () => {
  const reply = "health=degraded score=55 reason=slots_left:4%,lost:3,storm";
  const report = parseHealth(`${reply}\n`);
  assert.deepEqual(report, {
    health: "degraded",
    score: 55,
    reason: "slots_left:4%,lost:3,storm",
    reasons: [
      { word: "slots_left", value: 4n, percent: true },
      { word: "lost", value: 3n },
      { word: "storm" },
    ],
  });
  assert.equal(formatHealth(report), reply);
});

Deno.test("no reason is no reason", () => {
  assert.deepEqual(parseHealth("health=good score=100 reason=none").reasons, []);
  assert.equal(
    formatHealth({ health: "good", score: 100, reasons: [] }),
    "health=good score=100 reason=none",
  );
});

Deno.test("a score beyond 100 is no score", () => {
  for (const score of ["101", "999", "1000", "-1", ""]) {
    const reply = `health=good score=${score} reason=none`;
    assert.throws(() => parseHealth(reply), ProtocolError, reply);
  }
});

Deno.test("formatting and parsing are inverse", () => {
  fc.assert(fc.property(
    fc.constantFrom(...HEALTH_STATES),
    fc.integer({ min: 0, max: 100 }),
    reasons,
    (health, score, list) => {
      const report = parseHealth(formatHealth({ health, score, reasons: list }));
      assert.deepEqual(report, { health, score, reason: formatReasons(list), reasons: list });
    },
  ));
});

Deno.test("reasons of a later module stay words, whatever they are", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const parsed = parseReasons(text);
    assert.deepEqual(parseReasons(formatReasons(parsed)), parsed);
  }));
  assert.deepEqual(parseReasons("heat:71C,lost:2"), [{ word: "heat:71C" }, {
    word: "lost",
    value: 2n,
  }]);
});

Deno.test("what breaks the contract is refused", () => {
  const replies = [
    "",
    "health=good",
    "health=good score=101 reason=",
    "health=fine score=5 reason=",
  ];
  for (const reply of replies) assert.throws(() => parseHealth(reply), ProtocolError, reply);
});

Deno.test("any text gives a report or a ProtocolError", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    try {
      parseHealth(`health=good score=1 reason=${text}`);
      parseHealth(text);
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
    }
  }));
});
