// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { DeviceMapperError } from "../../ffi/errors.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { planCreate } from "./create_plan.ts";
import { MetadataDamagedError } from "./errors.ts";
import { FakeSystem } from "./fake_system.ts";
import { createDevice } from "./lifecycle.ts";

/** The kernel's answer to a device that is to be created. */
async function answer(error: DeviceMapperError): Promise<unknown> {
  const system = new FakeSystem().disk("sda", { number: "8:0" }).disk("sdb", { number: "8:16" });
  const options = { name: "r0", main: "/dev/sda", spare: "/dev/sdb", features: {} };
  const plan = await planCreate(options, system);
  const dm = { info: () => undefined, createWithTable: () => Promise.reject(error) };
  return await createDevice(dm as unknown as DeviceMapper, plan).catch((reason) => reason);
}

Deno.test("metadata that the kernel refuses is told from a resume that failed", async () => {
  const kernelLog = ["remap: r0: metadata on 8:16 refused: journal, block 3: of another device"];
  const refused = await answer(new DeviceMapperError("resume", "r0", 22, { kernelLog }));
  assert.ok(refused instanceof MetadataDamagedError);
  assert.match(refused.message, /^\/dev\/sdb: .*journal, block 3: of another device; .*meta check/);
  const failed = new DeviceMapperError("resume", "r0", 5, { kernelLog: [] });
  assert.equal(await answer(failed), failed);
});
