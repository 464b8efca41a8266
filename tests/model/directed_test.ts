// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { directedSequence } from "./directed.ts";
import { FakeDevice } from "./fake_device.ts";
import type { Geometry } from "./model.ts";
import { runSequence } from "./runner.ts";
import { Tally, type TallyEvent } from "./tally.ts";
import { VARIANTS } from "./variants.ts";

type Variant = (typeof VARIANTS)[number];

/** @param device the geometry that the device goes by, if that is not what the model expects of it */
async function missing(
  { name, geometry }: Variant,
  device: Geometry = geometry,
): Promise<TallyEvent[]> {
  await using fake = new FakeDevice(device);
  const tally = new Tally();
  await runSequence(fake, geometry, directedSequence(name, geometry, 1), () => {}, tally);
  return [...tally.missing(geometry.rules)];
}

for (const variant of VARIANTS) {
  Deno.test(`one sequence meets all that is asked for (${variant.name})`, async () => {
    assert.deepEqual(await missing(variant), []);
  });
}

Deno.test("a target that moves nothing ahead is found out", async () => {
  const variant = VARIANTS.find(({ name }) => name === "proactive")!;
  const lazy = { ...variant.geometry, rules: { ...variant.geometry.rules, proactive: false } };
  assert.deepEqual(await missing(variant, lazy), ["moved ahead"]);
});
