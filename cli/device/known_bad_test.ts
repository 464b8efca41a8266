// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { FakeSystem } from "./fake_system.ts";
import { countStates, maxRemaps, relocationSteps } from "./known_bad.ts";
import type { RemapDevice } from "./remap_device.ts";
import { mergeRanges, type SectorRange } from "./sectors.ts";

const range = (first: bigint, count: bigint): SectorRange => ({ first, count });

Deno.test("a run that is longer than a message is cut, and its parts meet", () => {
  assert.deepEqual([...relocationSteps([range(100n, 40_000n)])], [
    [range(100n, 16_384n)],
    [range(16_484n, 16_384n)],
    [range(32_868n, 7_232n)],
  ]);
  assert.deepEqual([...relocationSteps([range(0n, 16_000n), range(20_000n, 400n)])], [
    [range(0n, 16_000n), range(20_000n, 384n)],
    [range(20_384n, 16n)],
  ]);
  assert.deepEqual([...relocationSteps([])], []);
});

Deno.test("every sector is in one message, and no message is too long", () => {
  const gaps = fc.array(
    fc.tuple(fc.bigInt({ min: 1n, max: 9n }), fc.bigInt({ min: 1n, max: 30_000n })),
    { maxLength: 150 },
  );
  fc.assert(fc.property(gaps, (list) => {
    let at = 0n;
    const ranges = list.map(([gap, count]) => {
      at += gap + count;
      return range(at - count, count);
    });
    const steps = [...relocationSteps(ranges)];
    assert.deepEqual(mergeRanges(steps.flat()), ranges);
    for (const step of steps) {
      assert.ok(step.length <= 64);
      assert.ok(step.reduce((sum, { count }) => sum + count, 0n) <= 16_384n);
    }
  }));
});

Deno.test("what the table says of ranges, in part or whole", async () => {
  const places = [
    { sector: 5n, count: 10n, place: "remapped" },
    { sector: 20n, count: 4n, place: "lost" },
    { sector: 24n, count: 1n, place: "pending" },
    { sector: 90n, count: 20n, place: "remapped" },
  ];
  const device = {
    async *entries() {
      yield* await Promise.resolve(places);
    },
  } as unknown as RemapDevice;
  const counts = await countStates(device, [range(0n, 8n), range(14n, 7n), range(24n, 67n)]);
  assert.deepEqual(counts, { relocated: 3n + 1n + 1n + 1n, lost: 1n, pending: 1n });
  const none = { relocated: 0n, lost: 0n, pending: 0n };
  assert.deepEqual(await countStates(device, []), none);
  assert.deepEqual(await countStates(device, [range(15n, 5n)]), none);
});

Deno.test("the bound is that of the line, then the module's, then the default", () => {
  const system = new FakeSystem();
  assert.equal(maxRemaps({}, system), 1024n);
  system.files.set("/sys/module/dm_remap/parameters/max_remaps", "77");
  assert.equal(maxRemaps({}, system), 77n);
  assert.equal(maxRemaps({ maxRemaps: 0n }, system), 0n);
});
