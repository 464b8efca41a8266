// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import {
  BlockSizeError,
  BusyError,
  HeldError,
  MountedError,
  OverlapError,
  RefusedError,
  SignatureError,
  TooSmallError,
} from "../errors.ts";
import { FakeSystem } from "../fake_system.ts";
import type { RemapDevice } from "../remap_device.ts";
import { parseStatus } from "../status_line.ts";
import { parseTable } from "../table_line.ts";
import { type MovePlan, type MoveRequest, planMove } from "./plan.ts";

const HEALTHY = "remapped=0 lost=0 spare_used=0/3000 (0%) write_errors=0 read_errors=0 " +
  "auto_remaps=0 manual_remaps=0 health=good scan_progress=0% pending=0 spare_bad=0 " +
  "verify_errors=0 transport_errors=0 mode=rw generation=2";

function machine(): FakeSystem {
  return new FakeSystem()
    .disk("dm-0", { number: "253:0", sectors: 8000n, dmName: "r0" })
    .disk("sda", { number: "8:0", sectors: 8192n, holders: ["dm-0"] })
    .disk("sdb", { number: "8:16", sectors: 4096n, holders: ["dm-0"] })
    .disk("sdc", { number: "8:32", sectors: 9000n, attributes: { "device/wwid": "naa.5000c5" } })
    .disk("small", { number: "8:48", sectors: 7999n })
    .disk("coarse", { number: "8:64", sectors: 80_000n, blockSize: 4096 })
    .disk("fixed", { number: "8:80", sectors: 9000n, readOnly: true });
}

function device(openCount = 0, status = HEALTHY): RemapDevice {
  const info = {
    suspended: false,
    readOnly: false,
    targetCount: 1,
    openCount,
    major: 253,
    minor: 0,
  };
  return {
    name: "r0",
    info: () => info,
    table: () => parseTable("0 8000 remap 8:0 64 8:16 0 4096"),
    status: () => parseStatus(status),
  } as unknown as RemapDevice;
}

const REQUEST: MoveRequest = { kind: "replace", target: "/dev/sdc", maxPauseMs: 1000 };

function plan(request: Partial<MoveRequest>, system = machine(), openCount = 0): MovePlan {
  return planMove(device(openCount), { ...REQUEST, ...request }, system);
}

Deno.test("a disk that fits is taken, with its identity", () => {
  const { target, targetStart, targetId, main, spare, warnings } = plan({ targetStart: 1000n });
  assert.deepEqual(
    [target.number, targetStart, targetId, main.number, spare.number],
    ["8:32", 1000, "wwn:naa.5000c5", "8:0", "8:16"],
  );
  assert.deepEqual(warnings, []);
});

Deno.test("a disk that does not fit is refused", () => {
  assert.throws(() => plan({ target: "/dev/small" }), TooSmallError);
  assert.throws(() => plan({ targetStart: 1001n }), TooSmallError);
  assert.throws(() => plan({ target: "/dev/coarse" }), BlockSizeError);
  assert.throws(() => plan({ target: "/dev/coarse", kind: "evacuate" }), BlockSizeError);
  assert.throws(() => plan({ target: "/dev/fixed" }), RefusedError);
});

Deno.test("a disk in use is refused, and --force does not help", () => {
  for (const force of [false, true]) {
    for (const target of ["/dev/sda", "/dev/sdb"]) {
      assert.throws(() => plan({ target, force }), HeldError);
    }
    const mounted = machine().mounts(["36 35 8:32 / /srv rw - ext4 /dev/sdc rw"]);
    assert.throws(() => plan({ force }, mounted), MountedError);
  }
});

Deno.test("the device itself is refused, and what lies on it", () => {
  const system = machine().disk("dm-1", { number: "253:1", sectors: 8000n })
    .disk("dm-0", { number: "253:0", sectors: 8000n, dmName: "r0", holders: ["dm-1"] });
  for (const kind of ["replace", "evacuate"] as const) {
    assert.throws(() => plan({ kind, target: "/dev/dm-0", force: true }), OverlapError);
    assert.throws(() => plan({ kind, target: "/dev/dm-1", force: true }, system), OverlapError);
  }
});

Deno.test("a signature is refused, and --force tells what it goes over", () => {
  const system = machine();
  system.signatures.set("/dev/sdc", { type: "ext4", usage: "filesystem", ambivalent: false });
  assert.throws(() => plan({}, system), SignatureError);
  assert.deepEqual(plan({ force: true }, system).warnings, [
    "/dev/sdc: carries a signature: ext4; it would be overwritten",
  ]);
});

Deno.test("without content for some sectors evacuate refuses, unless that is said to be right", () => {
  const losing = device(0, HEALTHY.replace("lost=0", "lost=3"));
  const evacuate = { ...REQUEST, kind: "evacuate" } as const;
  for (const request of [evacuate, { ...evacuate, acceptLost: false }]) {
    assert.throws(() => planMove(losing, request, machine()), /3 sectors have no content/);
  }
  assert.equal(planMove(losing, { ...evacuate, acceptLost: true }, machine()).acceptLost, true);
  assert.equal(planMove(losing, REQUEST, machine()).kind, "replace");
});

Deno.test("offline is for a device that nobody has open", () => {
  assert.equal(plan({ offline: true }).offline, true);
  assert.throws(() => plan({ offline: true }, machine(), 1), BusyError);
});

Deno.test("a device that is swap space cannot stand still", () => {
  assert.throws(() => plan({}, machine().swaps(["/dev/dm-0"])), BusyError);
  assert.equal(plan({}, machine().swaps(["/dev/sdb"])).name, "r0");
});
