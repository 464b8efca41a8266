// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { TargetSpec } from "../../../ffi/libdevmapper.ts";
import type { Extent } from "../../metadata/extent.ts";
import { MemoryImage } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { formatMetadata, writeMetadata } from "../../metadata/write.ts";
import { resolveBlockDevice } from "../block_device.ts";
import { BusyError, ProtocolError, WrongPairError } from "../errors.ts";
import { FakeSystem } from "../fake_system.ts";
import { identityOf } from "../identity.ts";
import type { RemapDevice } from "../remap_device.ts";
import { parseStatus } from "../status_line.ts";
import { parseTable } from "../table_line.ts";
import { retireTable } from "./carry_over.ts";
import { lineText } from "./lines.ts";
import { recover, type Recovery } from "./recover.ts";

const LENGTH = 8000;
const SPARE_START = 16;
const SPARE = 4096;
const START = 64;
const MACHINE = new FakeSystem()
  .disk("sda", { number: "8:0", sectors: BigInt(LENGTH) })
  .disk("sdb", { number: "8:16", sectors: BigInt(SPARE_START + SPARE) })
  .disk("sdc", { number: "8:32", sectors: 9000n, attributes: { "device/wwid": "naa.5000c5" } })
  .disk("sdd", { number: "8:48", sectors: 9000n, attributes: { "device/wwid": "naa.5000c6" } })
  .disk("sde", { number: "8:64", sectors: 9001n, attributes: { "device/wwid": "naa.5000c5" } });
const NEW_ID = identityOf(resolveBlockDevice("/dev/sdc", MACHINE), MACHINE)!;

const { slotsStart } = layoutOf(SPARE, 1);
const OLD: readonly Extent[] = [{ first: 100, length: 8, slot: slotsStart, state: "remapped" }];
/** On the new disk relocated sectors are in their places, those without content are not. */
const MOVED: readonly Extent[] = [{ first: 500, length: 2, slot: 0, state: "wrong" }];

/** A spare as the kernel has written it last, and which generation that is. */
function spare(): { readonly image: MemoryImage; readonly generation: number } {
  const image = new MemoryImage(SPARE * 512);
  const empty = formatMetadata(image, {
    blockSectors: 1,
    mainStart: 0,
    mainSectors: LENGTH,
    mainDeviceSectors: LENGTH,
    spareStart: SPARE_START,
    spareSectors: SPARE,
    spareDeviceSectors: SPARE_START + SPARE,
  }, { name: "r0", mainId: "serial:old" });
  return { image, generation: writeMetadata(image, empty, OLD).generation };
}

/** The switch to the new disk has been made. */
function switched(image: MemoryImage): MemoryImage {
  const { superblock } = loadMetadata(image);
  const disk = { mainId: NEW_ID, mainStart: START, mainDeviceSectors: 9000 };
  writeMetadata(image, { ...superblock, ...disk }, MOVED);
  return image;
}

interface State {
  readonly suspended?: boolean;
  readonly inactiveTable?: boolean;
  /** That the kernel knows of; undefined: its status says nothing of it. */
  readonly generation?: number | undefined;
  readonly features?: string;
}

/** What came of it, and what the kernel was told. */
async function recovered(
  image: MemoryImage,
  { suspended = true, inactiveTable = true, generation, features = "" }: State,
  path = "/dev/sdc",
): Promise<{ readonly recovery: Recovery; readonly told: readonly string[] }> {
  const told: string[] = [];
  const tell = (...words: string[]) => {
    told.push(words.join(" "));
    return Promise.resolve();
  };
  const status = "remapped=8 lost=0 spare_used=8/3000 (0%) write_errors=0 read_errors=0 " +
    "auto_remaps=0 manual_remaps=0 health=good scan_progress=0% pending=0 spare_bad=0 " +
    `verify_errors=0 transport_errors=0 mode=rw${
      generation === undefined ? "" : ` generation=${generation}`
    }`;
  const device = {
    name: "r0",
    dm: {
      clear: () => tell("clear"),
      resume: () => tell("resume"),
      suspend: () => tell("suspend"),
      reload: (_: string, lines: TargetSpec[]) => tell("load", lines.map(lineText).join("; ")),
    },
    info: () => ({ suspended, inactiveTable }),
    table: () => parseTable(`0 ${LENGTH} remap 8:0 0 8:16 ${SPARE_START} ${SPARE}${features}`),
    status: () => parseStatus(status),
  } as unknown as RemapDevice;
  const open = (node: string, offset: number) => {
    assert.deepEqual([node, offset], ["/dev/sdb", SPARE_START * 512]);
    return image;
  };
  try {
    return { recovery: await recover(device, path, MACHINE, open), told };
  } catch (error) {
    assert.deepEqual(told, [], "what is refused changes nothing");
    throw error;
  }
}

const PLAIN = [
  `0 500 linear 8:32 ${START}`,
  "500 2 error",
  `502 ${LENGTH - 502} linear 8:32 ${START + 502}`,
].join("; ");

Deno.test("a device that runs, or has no table on its spare, is left alone", async () => {
  const { image, generation } = spare();
  const none = { recovery: "none", told: [] };
  assert.deepEqual(await recovered(image, { generation, suspended: false }), none);
  assert.deepEqual(await recovered(image, { generation, features: " 1 volatile" }), none);
});

Deno.test("a device that somebody else has suspended is refused", async () => {
  const { image, generation } = spare();
  await assert.rejects(recovered(image, { generation, inactiveTable: false }), BusyError);
  await assert.rejects(recovered(image, {}), ProtocolError);
});

Deno.test("before the switch the device goes on with the old disk", async () => {
  const { image, generation } = spare();
  const expected = { recovery: "old disk", told: ["clear", "resume"] };
  assert.deepEqual(await recovered(image, { generation }), expected);
  // The other disk is not looked at: nothing says yet that it is one.
  assert.deepEqual(await recovered(image, { generation }, "/dev/none"), expected);
});

Deno.test("behind the switch it goes on with the new disk, and what that lacks is an error", async () => {
  const { image, generation } = spare();
  assert.deepEqual(await recovered(switched(image), { generation }), {
    recovery: "new disk",
    told: [
      `load ${PLAIN}`,
      "resume",
      "suspend",
      `load 0 ${LENGTH} remap 8:32 ${START} 8:16 ${SPARE_START} ${SPARE}`,
      "resume",
    ],
  });
});

Deno.test("another disk than the one that it was switched to is refused", async () => {
  const { image, generation } = spare();
  switched(image);
  for (const path of ["/dev/sdd", "/dev/sde"]) {
    await assert.rejects(recovered(image, { generation }, path), WrongPairError, path);
  }
});

Deno.test("with the layer given up it goes on with the plain new disk", async () => {
  const { image, generation } = spare();
  const disk = { mainId: NEW_ID, mainStart: START, mainDeviceSectors: 9000 };
  retireTable(image, loadMetadata(image), disk);
  assert.deepEqual(await recovered(image, { generation }), {
    recovery: "new disk",
    told: [`load 0 ${LENGTH} linear 8:32 ${START}`, "resume"],
  });
});
