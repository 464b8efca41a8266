// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { AmbiguousError, WrongPairError } from "../device/errors.ts";
import { FakeSystem } from "../device/fake_system.ts";
import { DEVICE } from "../store/fixture.ts";
import type { DeviceIdentity } from "../store/types.ts";
import { checkMain } from "./snapshot_restore_main.ts";

const device: DeviceIdentity = {
  ...DEVICE,
  ...{ mainId: "serial:A1", mainStart: 0, mainSectors: 2048, mainDeviceSectors: 2048 },
};

const machine = () =>
  new FakeSystem()
    .disk("sda", { number: "8:0", attributes: { serial: "A1" } })
    .disk("sdb", { number: "8:16", attributes: { serial: "B2" } })
    .disk("sdc", { number: "8:32", sectors: 4096n, attributes: { serial: "A1" } })
    .disk("sdd", { number: "8:48", blockSize: 4096, attributes: { serial: "A1" } });

Deno.test("the main device that is named has to be the one of the snapshot", () => {
  const main = checkMain(device, "/dev/sda", machine());
  assert.deepEqual(main, { path: "/dev/sda", identified: true });
  for (const path of ["/dev/sdb", "/dev/sdc", "/dev/sdd"]) {
    assert.throws(() => checkMain(device, path, machine()), WrongPairError, path);
  }
});

Deno.test("sizes alone are not much to go by, and said so", () => {
  const main = checkMain({ ...device, mainId: "" }, "/dev/sdb", machine());
  assert.deepEqual(main, { path: "/dev/sdb", identified: false });
  assert.throws(() => checkMain({ ...device, mainId: "" }, "/dev/sdc", machine()), WrongPairError);
  assert.equal(checkMain({ ...device, mainId: "" }, undefined, machine()), undefined);
});

Deno.test("unless it is named, it is looked for", () => {
  const one = new FakeSystem().disk("sda", { number: "8:0", attributes: { serial: "A1" } });
  const identified = checkMain(device, undefined, one);
  assert.deepEqual(identified, { path: "/dev/sda", identified: true });
  assert.equal(checkMain({ ...device, mainId: "serial:C3" }, undefined, one), undefined);
  assert.throws(() => checkMain(device, undefined, machine()), AmbiguousError);
  const other = new FakeSystem().disk("sda", {
    ...{ number: "8:0", sectors: 4096n, attributes: { serial: "A1" } },
  });
  assert.throws(() => checkMain(device, undefined, other), WrongPairError);
});
