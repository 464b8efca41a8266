// SPDX-License-Identifier: GPL-2.0-only
// What the device says that is in use still.
import assert from "node:assert/strict";
import { checkMetadata } from "../metadata/check.ts";
import { openImage } from "../metadata/image.ts";
import { contentOf, DEVICE, snapshotAt, TestFolder } from "../store/fixture.ts";
import { openStore } from "../store/open.ts";
import { FakeMapper, HEALTHY, runTool } from "./support/fake_mapper.ts";

const SECTORS = 204_800;
const UUID = DEVICE.uuid;

/** r0 as it was: sectors 8 to 11 relocated, 40 and 41 pending. */
async function storeOf(folder: TestFolder): Promise<string> {
  using store = openStore(folder.file(), { create: true });
  await store.takeSnapshot(
    snapshotAt(0, {
      device: {
        ...DEVICE,
        ...{ mainId: "", mainStart: 0, mainSectors: SECTORS, mainDeviceSectors: SECTORS },
        ...{ spareSectors: 102_400, spareDeviceSectors: 102_400 },
      },
      withData: true,
    }),
    {
      entries: [
        { first: 8, length: 4, state: "remapped", slot: 60_000 },
        { first: 40, length: 2, state: "pending", slot: 0 },
      ],
      data: [contentOf(8, 4)],
    },
  );
  return store.path;
}

/** By now 10 and 11 are back on main, 40 has healed, and 99 is relocated. */
function inUse(mode: string, uuid = `DMREMAP-${UUID}`): FakeMapper {
  const lines = "8 2 remapped 60000\n41 1 pending\n99 1 remapped 60010";
  const status = HEALTHY.replace("remapped=0 lost=0", "remapped=3 lost=1")
    .replace("pending=0", "pending=1").replace("mode=rw", `mode=${mode}`);
  const answer = (message: string) => {
    if (message === "stats") return "table_changes=3\ngeneration=9";
    const from = Number(message.split(" ")[1]);
    return lines.split("\n").filter((line) => Number(line.split(" ")[0]) >= from).join("\n");
  };
  const table = "4000:0 0 4000:16 0 102400";
  const mapper = new FakeMapper({ r0: { table, status, answer } });
  const info = mapper.info.bind(mapper);
  return Object.assign(mapper, {
    versions: () => [{ name: "remap", version: "3.1.0" }],
    info: (name: string) => ({ ...info(name), uuid }),
  });
}

async function restore(mode: string, ...more: string[]) {
  using folder = new TestFolder();
  const store = await storeOf(folder);
  const spare = folder.file("new.img");
  Deno.writeFileSync(spare, new Uint8Array(4096 * 512));
  const words = ["snapshot", "restore", "1", "--spare", spare, "--store", store, "--json"];
  const { code, out, err } = await runTool([...words, ...more], inUse(mode));
  using image = openImage(spare);
  const { problems: [problem] } = checkMetadata(image);
  return { code, said: JSON.parse(out === "" ? err : out), problem: problem?.code };
}

const briefly = (sectors: Record<string, unknown>[]) =>
  sectors.map((each) => [each["start_sectors"], each["length_sectors"], each["becomes"]]);

const BY_NOW = [[8, 2, "content"], [10, 2, "main"], [40, 1, "main"], [41, 1, "pending"], [
  ...[99, 1, "lost"],
]];

Deno.test("a device that may relocate more is asked in a dry run only", async () => {
  const { code, said, problem } = await restore("rw");
  assert.deepEqual([code, said.error.code, problem], [5, "busy", "blank"]);
  const planned = await restore("rw", "--dry-run");
  assert.deepEqual([planned.code, planned.problem], [3, "blank"]);
  assert.deepEqual(briefly(planned.said.sectors), BY_NOW);
});

Deno.test("one that may not is asked, and nobody knows better", async () => {
  const { code, said, problem } = await restore("ro");
  assert.deepEqual([code, problem], [3, undefined]);
  assert.deepEqual(briefly(said.sectors), BY_NOW);
  assert.deepEqual([said.known_until, said.known_by[0].kind], [null, "device"]);
  assert.match(said.warnings.join("\n"), /r0 is in use still/);
});
