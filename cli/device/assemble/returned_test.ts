// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { Superblock } from "../../metadata/superblock.ts";
import { MemoryImage } from "../../metadata/image.ts";
import { formatMetadata, type SuperblockFields, writeMetadata } from "../../metadata/write.ts";
import { resolveBlockDevice } from "../block_device.ts";
import { WrongPairError } from "../errors.ts";
import { type FakeDisk, FakeSystem } from "../fake_system.ts";
import type { Place } from "../messages.ts";
import { readContent } from "../spare/content.ts";
import { parseStatus } from "../status_line.ts";
import { parseTable } from "../table_line.ts";
import type { FoundSpare } from "./find.ts";
import { checkReturned, isOf, lossOf, type Patient, tableWith } from "./returned.ts";

const UUID = "11111111-2222-4333-8444-555555555555";
const STATUS = "remapped=3 lost=0 spare_used=3/1000 (0%) write_errors=0 read_errors=0 " +
  "auto_remaps=0 manual_remaps=3 health=good scan_progress=0%";

function patient(fields: Partial<Patient> = {}, mode = "rw", generation = 2): Patient {
  return {
    name: "r0",
    table: parseTable("0 4096 remap 8:0 0 8:16 0 2048"),
    status: parseStatus(`${STATUS} mode=${mode} generation=${generation}`),
    number: "253:0",
    uuid: `DMREMAP-${UUID}`,
    readOnly: false,
    ...fields,
  };
}

function machine(spare: Partial<FakeDisk> | undefined): FakeSystem {
  const system = new FakeSystem()
    .disk("dm-0", { number: "253:0", sectors: 4096n, dmName: "r0" })
    .disk("dm-1", { number: "253:1", sectors: 4096n, dmName: "r1" })
    .disk("sda", { number: "8:0", sectors: 4096n, attributes: { serial: "MAIN" } })
    .disk("sdc", { number: "8:32", sectors: 4096n });
  return spare === undefined
    ? system
    : system.disk("sdb", { number: "8:16", sectors: 4096n, holders: ["dm-0"], ...spare });
}

Deno.test("a spare is lost if its device is gone, is another one, or could not be written", () => {
  assert.equal(lossOf(patient(), machine({})), undefined);
  assert.equal(lossOf(patient(), machine(undefined)), "gone");
  assert.equal(lossOf(patient(), machine({ sectors: 0n })), "gone");
  assert.equal(lossOf(patient(), machine({ holders: ["dm-1"] })), "gone");
  assert.equal(lossOf(patient({}, "ro"), machine({})), "read-only");
  assert.equal(lossOf(patient({ readOnly: true }, "ro"), machine({})), undefined);
});

const live: Place[] = [{ sector: 8n, count: 3n, place: "remapped", spareSector: 2040n }];

async function* placesOf(places: readonly Place[]): AsyncGenerator<Place> {
  yield* places;
  await Promise.resolve();
}

/** What lies on sdc. */
function spare(fields: Partial<SuperblockFields> = {}, change = (_: MemoryImage) => {}) {
  const image = new MemoryImage(4096 * 512);
  const sizes = { mainStart: 0, mainSectors: 4096, mainDeviceSectors: 4096 };
  const range = { spareStart: 0, spareSectors: 2048, spareDeviceSectors: 4096 };
  const label = { name: "r0", mainId: "serial:MAIN", uuid: fields.uuid ?? UUID };
  const first: Superblock = formatMetadata(image, { blockSectors: 1, ...sizes, ...range }, label);
  writeMetadata(image, { ...first, ...fields }, [
    { first: 8, length: 3, slot: 2040, state: "remapped" },
  ]);
  change(image);
  const system = machine(undefined);
  const content = readContent(image);
  assert.notEqual(content.kind, "none");
  const device = resolveBlockDevice("/dev/sdc", system);
  const found = { device, start: 0n, content } as FoundSpare;
  return {
    found,
    isOf: (who = patient()) => isOf(who, found, system),
    check: (who = patient(), places = live) =>
      checkReturned(who, found, placesOf(places), system, () => image),
  };
}

async function refuses(promise: Promise<void>, words: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof WrongPairError, `${error}`);
    assert.match(error.message, words);
    return true;
  });
}

Deno.test("the spare of a device is known by name, place and main device", () => {
  assert.equal(spare().isOf(), true);
  assert.equal(spare({ mainId: "" }).isOf(), true);
  assert.equal(spare({ name: "r1" }).isOf(), false);
  assert.equal(spare({ mainId: "serial:OTHER" }).isOf(), false);
  const table = parseTable("0 4096 remap 8:0 0 8:16 8 2048");
  assert.equal(spare().isOf(patient({ table })), false);
  const gone = parseTable("0 4096 remap 9:9 0 8:16 0 2048");
  assert.equal(spare().isOf(patient({ table: gone })), false);
});

Deno.test("the right spare is taken up; its superblock may be one ahead if it could not say so", async () => {
  await spare().check();
  await spare({ generation: 3 }).check(patient({}, "ro"));
  await refuses(spare({ generation: 3 }).check(), /generation 3, and r0 has 2: somebody/);
  await refuses(spare({ generation: 4 }).check(patient({}, "ro")), /generation 4/);
});

Deno.test("old copies, other sets, other sizes and damage are refused", async () => {
  await refuses(spare().check(patient({}, "rw", 3)), /generation 2, and r0 has 3: an old copy/);
  const other = "22222222-2222-4333-8444-555555555555";
  await refuses(spare({ uuid: other }).check(), /it holds set 2222.*DMREMAP-1111/);
  await spare({ uuid: other, linkedUuid: UUID }).check();
  await spare({ uuid: other }).check(patient({ uuid: "of-somebody" }));
  await refuses(spare({ mainSectors: 4088 }).check(), /length of 4088 sectors, not 4096/);
  const damaged = spare({}, (image) => {
    for (const copy of [0, 1]) image.write(copy * 4096 + 100, new Uint8Array([9]));
  });
  await refuses(damaged.check(), /cannot be loaded/);
});

Deno.test("the line names the spare where it is now, unless dm would take the dead one for it", () => {
  const { found: { device } } = spare();
  assert.equal(tableWith(patient(), device).spare, "8:32");
  const table = parseTable("0 4096 remap 8:0 0 8:32 0 2048");
  assert.throws(() => tableWith(patient({ table }), device), /under the number 8:32.*remove r0/);
});

Deno.test("a spare that does not know of a relocated sector is an old copy", async () => {
  const more = [...live, { sector: 20n, count: 1n, place: "lost" as const, spareSector: 2000n }];
  await refuses(spare().check(patient(), more), /became of sector 20/);
  await spare().check(patient(), []);
});
