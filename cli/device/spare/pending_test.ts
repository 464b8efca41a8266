// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MemoryImage } from "../../metadata/image.ts";
import { checkMetadata } from "../../metadata/check.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { TooSmallError } from "../errors.ts";
import { FakeSystem } from "../fake_system.ts";
import { requirePendingRoom, writePending } from "./pending.ts";
import { planPersistent, prepareSpare } from "./prepare.ts";

const SECTORS = 4096;

async function formatted() {
  const system = new FakeSystem()
    .disk("sda", { number: "8:0", sectors: 200_000n, attributes: { serial: "MAIN" } })
    .disk("sdb", { number: "8:16", sectors: BigInt(SECTORS) });
  const image = new MemoryImage(SECTORS * 512);
  const options = { name: "r0", main: "/dev/sda", spare: "/dev/sdb", features: {} };
  const plan = await planPersistent(options, system, () => image);
  prepareSpare(plan, () => image);
  return { image, plan };
}

Deno.test("a fresh table may begin with pending sectors, in runs that fit into entries", async () => {
  const { image, plan } = await formatted();
  writePending(plan, [{ first: 3n, count: 2n }, { first: 1000n, count: 70_000n }], () => image);
  assert.deepEqual(checkMetadata(image).problems, []);
  const { superblock, extents } = loadMetadata(image);
  assert.deepEqual([...extents()], [
    { first: 3, length: 2, slot: 0, state: "pending" },
    { first: 1000, length: 32768, slot: 0, state: "pending" },
    { first: 33768, length: 32768, slot: 0, state: "pending" },
    { first: 66536, length: 4464, slot: 0, state: "pending" },
  ]);
  assert.ok(plan.action.kind === "format");
  assert.deepEqual([superblock.uuid, superblock.name, superblock.mainId, superblock.pending], [
    ...[plan.action.uuid, "r0", "serial:MAIN", 70_002],
  ]);
});

Deno.test("more than the table has room for is refused beforehand", async () => {
  const { plan } = await formatted();
  assert.ok(plan.action.kind === "format");
  const { geometry } = plan.action;
  const singles = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ first: BigInt(2 * index), count: 1n }));
  requirePendingRoom("/dev/sdb", geometry, singles(256));
  assert.throws(() => requirePendingRoom("/dev/sdb", geometry, singles(2000)), TooSmallError);
});
