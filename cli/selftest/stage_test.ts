// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { checkEqual } from "./check.ts";
import type { SelftestEvent } from "./events.ts";
import {
  DEFAULT_SETTINGS,
  ElsewhereError,
  HungError,
  runStage,
  SkipError,
  type StageRun,
} from "./stage.ts";

async function events(
  run: (stage: StageRun) => Promise<void>,
  signal?: AbortSignal,
  cases: readonly string[] = [],
) {
  const seen: SelftestEvent[] = [];
  await runStage({ name: "s", summary: "", programs: [], run }, {
    // No stage here asks for it.
    dm: {} as DeviceMapper,
    workdir: "/nowhere",
    settings: { ...DEFAULT_SETTINGS, seed: 1, cases },
    signal: signal ?? new AbortController().signal,
    emit: (event) => void seen.push(event),
  });
  return seen;
}

function outcomes(seen: readonly SelftestEvent[]): string[] {
  return seen.flatMap((event) => {
    if (event.event === "case-end") return [`${event.name}: ${event.outcome}`];
    return event.event === "stage-end" ? [`stage: ${event.outcome}`] : [];
  });
}

const pass = () => Promise.resolve();
const fail = () => Promise.resolve(checkEqual("sum", 1 + 1, 3));

Deno.test("a stage goes on after a failed case, and has failed", async () => {
  const seen = await events(async (stage) => {
    await stage.case("a", fail);
    await stage.case("b", pass);
  });
  assert.deepEqual(outcomes(seen), ["a: failed", "b: passed", "stage: failed"]);
  const end = seen.find((event) => event.event === "case-end");
  assert.match(end?.event === "case-end" ? end.detail ?? "" : "", /sum\n +expected: 3\n +seen: +2/);
});

Deno.test("only the cases that were asked for run, and what they build on", async () => {
  const run = async (stage: StageRun) => {
    await stage.case("one of the first", fail);
    await stage.must("the rest builds on this", pass);
    await stage.case("one of the others", pass);
  };
  const some = await events(run, undefined, ["others", "nothing like this"]);
  assert.deepEqual(outcomes(some), [
    "the rest builds on this: passed",
    "one of the others: passed",
    "stage: passed",
  ]);
  const none = await events(run, undefined, ["nothing like this"]);
  assert.deepEqual(outcomes(none), ["the rest builds on this: passed", "stage: failed"]);
  const end = none.find((event) => event.event === "stage-end");
  assert.equal(
    end?.event === "stage-end" && end.detail,
    'no case has "nothing like this"',
  );
});

Deno.test("what builds on a failed case does not run", async () => {
  const seen = await events(async (stage) => {
    await stage.must("a", fail);
    await stage.case("b", pass);
  });
  assert.deepEqual(outcomes(seen), ["a: failed", "stage: failed"]);
});

Deno.test("skipped cases and stages are no passed ones", async () => {
  const skip = () => Promise.reject(new SkipError("not here"));
  assert.deepEqual(outcomes(await events((stage) => stage.case("a", skip).then(() => {}))), [
    "a: skipped",
    "stage: skipped",
  ]);
  assert.deepEqual(outcomes(await events(skip)), ["stage: skipped"]);
});

Deno.test("a case for other machines leaves the stage as it is", async () => {
  const elsewhere = () => Promise.reject(new ElsewhereError("this kernel has no such thing"));
  const seen = await events(async (stage) => {
    await stage.case("a", elsewhere);
    await stage.case("b", pass);
  });
  assert.deepEqual(outcomes(seen), ["a: skipped", "b: passed", "stage: passed"]);
});

Deno.test("a scope ends with its case, failed or not; what stays behind fails it", async () => {
  const order: string[] = [];
  const seen = await events(async (stage) => {
    stage.scope.defer("shared", () => void order.push("stage"));
    await stage.case("a", (scope) => {
      scope.defer("own", () => void order.push("case"));
      return fail();
    });
    await stage.case("b", (scope) => {
      scope.defer("own", () => Promise.reject(new Error("busy")));
      return pass();
    });
  });
  assert.deepEqual(order, ["case", "stage"]);
  assert.deepEqual(outcomes(seen), ["a: failed", "b: failed", "stage: failed"]);
});

Deno.test("a case that hangs ends the run", async () => {
  const hang = () => new Promise<void>(() => {});
  await assert.rejects(events((stage) => stage.case("a", hang, 10).then(() => {})), HungError);
});

Deno.test("an interrupt ends a stage, and its scope", async () => {
  const order: string[] = [];
  const interrupt = new AbortController();
  const work = events(async (stage) => {
    stage.scope.defer("shared", () => void order.push("gone"));
    await stage.case("a", () => {
      interrupt.abort(new Error("enough"));
      return pass();
    });
  }, interrupt.signal);
  await assert.rejects(work, /enough/);
  assert.deepEqual(order, ["gone"]);
});
