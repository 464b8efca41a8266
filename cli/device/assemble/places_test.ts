// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FakeSystem } from "../fake_system.ts";
import { movedPlace, type SparePlace, SPARES_FILE } from "./places.ts";

const isOld = ({ path, start }: SparePlace) => path === "/dev/sdb" && start === 2048n;

function moved(text: string | undefined, path: string, start: bigint): string | undefined {
  const system = new FakeSystem();
  if (text !== undefined) system.files.set(SPARES_FILE, text);
  return movedPlace(system, isOld, { path, start })?.text;
}

Deno.test("the line of the old spare becomes that of the new one", () => {
  const text = "# tails\n/dev/sda 9000\n/dev/sdb 2048 # r0\nnonsense";
  assert.equal(moved(text, "/dev/sdc", 8n), "# tails\n/dev/sda 9000\n/dev/sdc 8\nnonsense\n");
  assert.equal(moved(text, "/dev/sdc", 0n), "# tails\n/dev/sda 9000\nnonsense\n");
});

Deno.test("a new spare in the middle of a device gets a line, any other needs none", () => {
  assert.equal(moved(undefined, "/dev/sdc", 8n), "/dev/sdc 8\n");
  assert.equal(moved("/dev/sda 9000", "/dev/sdc", 8n), "/dev/sda 9000\n/dev/sdc 8\n");
  assert.equal(moved(undefined, "/dev/sdc", 0n), undefined);
  assert.equal(moved("/dev/sda 9000", "/dev/sdc", 0n), undefined);
  assert.equal(moved("/dev/sdc 8", "/dev/sdc", 8n), undefined);
  assert.equal(moved("/dev/sdb 2048", "/dev/sdc", 0n), "");
});
