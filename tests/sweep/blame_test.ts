// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Blame, type KnownBad, type Manners } from "./blame.ts";
import type { FaultOp, Mode, Side, Status } from "./faults.ts";

const MAIN_START = 16;
const NOTHING: KnownBad = {
  unreadable: new Set(),
  unwritable: new Set(),
  slots: new Set(),
  weak: new Set(),
};
const USUAL: Manners = { automatic: true, proactive: false, verifiesPending: false };

interface Given {
  readonly mode: Mode;
  readonly status: Status;
  readonly side?: Side;
  readonly op?: FaultOp;
  readonly known?: Partial<KnownBad>;
  readonly manners?: Partial<Manners>;
  readonly fired?: boolean;
}

/** The request that fails is about sectors 100 to 103 of the device below. */
function blame(given: Given): Blame {
  const { mode, status, side = "main", op = "read", fired = true } = given;
  const victim = fired ? { side, op, range: { first: 100, count: 4 } } : undefined;
  const flushFaults = op === "flush" ? 1 : 0;
  return new Blame(
    { nth: 1, mode, status, parks: false },
    { victim, parked: false, flushes: flushFaults, flushFaults },
    { ...NOTHING, ...given.known },
    { ...USUAL, ...given.manners },
    MAIN_START,
  );
}

const SPAN = { first: 80, count: 16 };

Deno.test("a failure of the medium that a second try or a slot helps is hidden", () => {
  for (const mode of ["once", "sector"] as const) {
    for (const status of ["medium", "ioerr"] as const) {
      const one = blame({ mode, status });
      assert.ok(!one.moveMayFail() && !one.writeMayFail(SPAN) && !one.flushMayFail());
      assert.equal(one.readMayFail(SPAN, []), mode === "sector");
    }
  }
  assert.ok(!blame({ mode: "gone", status: "transport", fired: false }).moveMayFail());
});

Deno.test("the way, a dead device and a refused flush are not hidden", () => {
  for (
    const one of [
      blame({ mode: "once", status: "transport" }),
      blame({ mode: "gone", status: "ioerr" }),
      blame({ mode: "once", status: "medium", op: "flush" }),
      blame({ mode: "once", status: "medium", manners: { automatic: false } }),
    ]
  ) assert.ok(one.writeMayFail(SPAN) && one.readMayFail(SPAN, []));
  assert.ok(blame({ mode: "once", status: "ioerr", op: "flush" }).flushMayFail());
});

Deno.test("lost is what the medium has lost, and no other sector", () => {
  const bad = blame({ mode: "sector", status: "medium" });
  assert.ok(bad.mayBeLost(86, undefined) && !bad.mayBeLost(85, undefined));
  assert.ok(!blame({ mode: "once", status: "medium" }).mayBeLost(86, undefined));
  assert.ok(!blame({ mode: "sector", status: "transport" }).mayBeLost(86, undefined));
  assert.ok(!blame({ mode: "gone", status: "ioerr" }).mayBeLost(86, undefined));
  assert.ok(blame({ mode: "gone", status: "medium" }).mayBeLost(3, undefined));
  const slot = blame({ mode: "sector", status: "ioerr", side: "spare" });
  assert.ok(slot.mayBeLost(3, 102) && !slot.mayBeLost(3, 101) && !slot.mayBeLost(86, undefined));
  const known = blame({ mode: "once", status: "ioerr", known: { unreadable: new Set([5]) } });
  assert.ok(known.mayBeLost(5, undefined) && !known.mayBeLost(6, undefined));
});

Deno.test("slots are given up for the medium only", () => {
  const bad = (mode: Mode, status: Status) =>
    blame({ mode, status, side: "spare", op: "write" }).mostBadSlots;
  assert.equal(bad("once", "medium"), 0);
  assert.equal(bad("sector", "ioerr"), 1);
  assert.equal(bad("gone", "medium"), Infinity);
  assert.equal(bad("gone", "ioerr"), 0);
  assert.equal(bad("gone", "transport"), 0);
});

Deno.test("relocated by itself is what the medium refuses, or what it was told to", () => {
  const once = (manners: Partial<Manners>, status: Status = "medium") =>
    blame({ mode: "once", status, manners });
  assert.ok(!once({}).mayBeRelocated(85, true));
  assert.ok(once({ proactive: true }).mayBeRelocated(85, false));
  assert.ok(!once({ proactive: true }, "transport").mayBeRelocated(85, false));
  assert.ok(once({ verifiesPending: true }).mayBeRelocated(85, true));
  assert.ok(!once({ verifiesPending: true }, "transport").mayBeRelocated(85, true));
  const flush = blame({
    mode: "once",
    status: "ioerr",
    op: "flush",
    manners: { verifiesPending: true },
  });
  assert.ok(flush.mayBeRelocated(85, true) && !flush.mayBeRelocated(85, false));
  assert.ok(!once({ verifiesPending: true }).mayBeRelocated(85, false));
  assert.ok(!once({ automatic: false, proactive: true }).mayBeRelocated(85, false));
  assert.ok(blame({ mode: "sector", status: "ioerr" }).mayBeRelocated(86, false));
  const known = { unwritable: new Set([9]) };
  assert.ok(blame({ mode: "once", status: "transport", known }).mayBeRelocated(9, false));
});
