// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest.
import { parseArgs } from "node:util";
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { loadModule } from "../../cli/kmod/load.ts";
import { check, checkEqual, checkMatch } from "../../cli/selftest/check.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { progress } from "../suite/guest/records.ts";
import { steps, tellFailure } from "../suite/guest/steps.ts";
import { BAD_IN_FS, makeFirst, RAW, setBad } from "./disks.ts";
import { failures } from "./failures.ts";
import { checkContent, Load, makeFileSystem, MOUNT, mountOn, unmountAndCheck } from "./files.ts";
import { killedAfterSwitch } from "./killed.ts";
import { countOf, RawPart, RawWriter, WITHOUT_CONTENT } from "./raw.ts";
import type { Scene } from "./scene.ts";
import { tool, toolJson, useTool } from "./tool.ts";

const { values } = parseArgs({
  options: {
    tool: { type: "string", default: "dmremap-ts" },
    part: { type: "string", default: "all" },
  },
});
const NODE = "/dev/mapper/r0";

const step = steps();

/** Sectors that are bad, relocated, pending and lost, in the file system and behind it. */
async function wearOut({ dm, node, raw }: Scene): Promise<void> {
  for (const { first, count } of RAW.worn) {
    await setBad(first, count);
    await raw.write(node, first, count, 2);
  }
  const { remapped, pending, lost } = RAW;
  await tool(0, "remap", "r0", `${remapped.first}+${remapped.count}`);
  await raw.write(node, remapped.first + 10, 20, 3);
  await setBad(pending.first, pending.count);
  await setBad(lost.first, lost.count);
  await tool(3, "remap", "r0", `${lost.first}+${lost.count}`);
  await raw.check("a worn disk", node, WITHOUT_CONTENT);
  const status = RemapDevice.open(dm, "r0").status();
  checkEqual("sectors without content", Number(status.lost), countOf(WITHOUT_CONTENT));
}

async function setUp(scene: Scene): Promise<void> {
  const first = await makeFirst();
  await tool(0, "create", "r0", first, "/dev/lab/spare", "--yes", "--retries", "1");
  for (const sector of BAD_IN_FS) await setBad(sector);
  await run("dd", "if=/dev/zero", `of=${NODE}`, "bs=1M", "count=40", "oflag=direct", "status=none");
  scene.files = await makeFileSystem(scene.node);
  await scene.raw.fill(scene.node);
  await wearOut(scene);
}

/** What was written while it was copied has been copied again. */
function checkCopiedAgain(said: Record<string, unknown>): void {
  const { copied_sectors: copied, length_sectors: length } = said;
  check("sectors copied", Number(copied) > Number(length) + countOf(WITHOUT_CONTENT), {
    expected: `more than the ${length} that there are`,
    seen: Number(copied),
  });
}

async function replace({ dm, node, raw, files }: Scene): Promise<void> {
  await using load = await Load.start();
  await using writer = new RawWriter(raw, node, 1000);
  const device = RemapDevice.open(dm, "r0");
  // As a run leaves it that is killed just before the switch.
  await dm.suspend("r0", { skipLockfs: true });
  const length = device.table().length;
  await dm.reload("r0", [{ start: 0n, length, type: "error", params: "" }]);
  const before = device.status();
  const said = await toolJson(3, "replace", "r0", "/dev/lab/second", "--yes");
  progress(`replace: ${JSON.stringify(said)}, ${await writer.stop()} writes`);
  await load.stop();
  checkEqual("it was worth it", before.remapped >= 300n + BigInt(BAD_IN_FS.length), true);
  const { remapped, lost, pending } = device.status();
  checkEqual("relocated, lost, pending", [remapped, lost, pending].map(Number), [
    0,
    countOf(WITHOUT_CONTENT),
    countOf(WITHOUT_CONTENT),
  ]);
  const second = await numberOf("/dev/lab/second");
  checkEqual("the main device", device.table().main, second);
  await raw.check("on the second disk", node, WITHOUT_CONTENT);
  await checkContent("on the second disk", files);
  checkCopiedAgain(said);
}

async function assembleAgain({ node, raw, files }: Scene): Promise<void> {
  await unmountAndCheck(node);
  await tool(0, "remove", "r0", "--yes");
  await tool(0, "meta", "check", "/dev/lab/spare");
  await tool(3, "assemble", "r0");
  await mountOn(node);
  await raw.check("assembled", node, WITHOUT_CONTENT);
  await checkContent("assembled", files);
}

async function switched(scene: Scene): Promise<void> {
  const { dm, node, raw, files } = scene;
  await unmountAndCheck(node);
  await killedAfterSwitch(scene, "/dev/lab/third");
  const third = await numberOf("/dev/lab/third");
  checkEqual("the main device", RemapDevice.open(dm, "r0").table().main, third);
  await mountOn(node);
  await raw.check("on the third disk", node, WITHOUT_CONTENT);
  await checkContent("on the third disk", files);
}

async function evacuate({ dm, node, raw, files }: Scene): Promise<void> {
  const refused = await tool(1, "evacuate", "r0", "/dev/lab/second", "--yes");
  checkMatch("why it is refused", refused.err, /no content.*\n?.*--accept-lost/s);
  // Written anew, they are no loss.
  for (const { first, count } of WITHOUT_CONTENT) await raw.write(node, first, count, 4);
  await using load = await Load.start();
  await using writer = new RawWriter(raw, node, 100_000);
  const said = await toolJson(0, "evacuate", "r0", "/dev/lab/second", "--yes", "--force");
  progress(`evacuate: ${JSON.stringify(said)}, ${await writer.stop()} writes`);
  await load.stop();
  const [line, ...more] = dm.table("r0");
  const second = await numberOf("/dev/lab/second");
  checkEqual("the table", [line?.type, line?.params, more.length], ["linear", `${second} 0`, 0]);
  await raw.check("on the second disk", node, []);
  await checkContent("on the second disk", files);
  checkCopiedAgain(said);
}

/** Nothing of the layer is left, and nothing brings it back. */
async function withoutLayer({ files, raw }: Scene): Promise<void> {
  await unmountAndCheck(NODE);
  await run("dmsetup", "remove", "r0");
  const assembled = await tool(0, "assemble", "--all");
  checkEqual("assembled devices", (await tool(0, "list", "--names")).out, "");
  checkMatch("words of assemble", assembled.out, /^skipped .*moved to a disk that needs no spare/);
  await mountOn("/dev/lab/second");
  await raw.check("the second disk itself", "/dev/lab/second", []);
  await checkContent("the second disk itself", files);
  await run("umount", MOUNT);
}

async function numberOf(path: string): Promise<string> {
  const { rdev } = await Deno.stat(path);
  const number = rdev ?? 0;
  return `${number >> 8}:${number & 0xff}`;
}

async function moves(scene: Scene): Promise<void> {
  await step("replaced under load", () => replace(scene));
  await step("assembled with the new main device", () => assembleAgain(scene));
  await step("killed behind the switch, it goes on with the new disk", () => switched(scene));
  await step("evacuated under load", () => evacuate(scene));
  await step("the layer is gone", () => withoutLayer(scene));
}

useTool(values.tool);
for (const module of ["ext4", "dm-delay"]) {
  await run("modprobe", "-q", module).catch(() => "built in");
}
await loadModule();
{
  using dm = DeviceMapper.open();
  const scene: Scene = { dm, node: NODE, raw: new RawPart(), files: new Map() };
  await tellFailure("a disk in use", async () => {
    await step("a disk wears out under a file system", () => setUp(scene));
    if (values.part !== "moves") await failures(scene, step);
    if (values.part !== "failures") await moves(scene);
  });
}
