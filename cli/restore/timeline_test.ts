// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { DEVICE, snapshotAt } from "../store/fixture.ts";
import type { SnapshotHead } from "../store/types.ts";
import { inOrder } from "./timeline.ts";
import type { Order } from "./types.ts";
import type { Witness } from "./witness.ts";

const UUID = "bbbbbbbb-0000-4000-8000-000000000000";
const HEAD = { ...snapshotAt(0), id: 1 } as SnapshotHead;

interface When {
  readonly id: number;
  readonly minutes: number;
  readonly generation: number;
  readonly order?: Order;
  readonly from?: string;
}

function witness({ id, minutes, generation, order = "newer", from }: When): Witness {
  const { takenAt } = snapshotAt(minutes);
  const device = from === undefined ? DEVICE : { ...DEVICE, uuid: UUID, predecessorUuid: from };
  return {
    ...{ kind: "snapshot", id, at: takenAt, device, generation, equal: [], bad: [] },
    dated: { id, takenAt, generation, device, source: "live" },
    knowledge: { order, kinship: "same", entries: [] },
  };
}

const ordered = (...when: When[]) =>
  inOrder(HEAD, when.map(witness)).map(({ id, knowledge }) => `${id} ${knowledge.order}`);

Deno.test("witnesses follow each other by generation, and by clock and number within one", () => {
  assert.deepEqual(
    ordered(
      { id: 4, minutes: 40, generation: 9 },
      { id: 3, minutes: 30, generation: 8 },
      { id: 2, minutes: 20, generation: 8 },
    ),
    ["2 newer", "3 newer", "4 newer"],
  );
});

Deno.test("a spare that took over comes last, whatever its clock says", () => {
  assert.deepEqual(
    ordered(
      { id: 2, minutes: 5, generation: 2, from: DEVICE.uuid },
      { id: 3, minutes: 30, generation: 8 },
    ),
    ["3 newer", "2 newer"],
  );
});

Deno.test("what cannot be put in order is not certain", () => {
  assert.deepEqual(
    ordered(
      { id: 2, minutes: 30, generation: 8 },
      { id: 3, minutes: 20, generation: 8 },
      { id: 4, minutes: 50, generation: 7, order: "unsure" },
    ),
    ["3 newer", "4 unsure", "2 unsure"],
  );
});
