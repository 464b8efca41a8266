// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseUevent, UeventSocket } from "./uevents.ts";

Deno.test("a uevent is its pairs", () => {
  const event = parseUevent(
    "change@/devices/virtual/block/dm-0\0ACTION=change\0DM_REMAP_EVENT=remapped\0A=b=c\0",
  );
  assert.deepEqual([...event], [
    ["ACTION", "change"],
    ["DM_REMAP_EVENT", "remapped"],
    ["A", "b=c"],
  ]);
});

Deno.test("a socket on which nothing comes reads as nothing", () => {
  using socket = UeventSocket.open();
  assert.ok(Array.isArray(socket.read()));
});
