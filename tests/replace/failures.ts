// SPDX-License-Identifier: GPL-2.0-only
//
// Copies that do not come to their end: the device goes on as it was, with its old disk.
import { check, checkEqual, checkMatch } from "../../cli/selftest/check.ts";
import { run } from "../model/process.ts";
import { DISK_SECTORS, mapper } from "./disks.ts";
import { checkContent } from "./files.ts";
import type { Scene, Step } from "./scene.ts";
import { WITHOUT_CONTENT } from "./raw.ts";
import { start, tool } from "./tool.ts";

const EDGE = 2048;
const MIDDLE = DISK_SECTORS - 2 * EDGE;
const THIRD = "/dev/lab/third";

async function waitFor(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  check(what, false, { expected: "within a minute", seen: "not yet" });
}

async function counting({ dm }: Scene): Promise<boolean> {
  return (await dm.message("r0", 0n, "@stats_list dmremap-copy") ?? "").trim() !== "";
}

/** The table is the old one, the device runs, and nothing is left behind. */
async function unchanged(scene: Scene, what: string, table: string): Promise<void> {
  const { dm } = scene;
  const info = dm.info("r0");
  checkEqual(`${what}: suspended, second table`, [info?.suspended, info?.inactiveTable], [
    false,
    false,
  ]);
  checkEqual(`${what}: table`, dm.table("r0")[0]?.params, table);
  checkEqual(`${what}: statistics are left`, await counting(scene), false);
}

/** A new disk whose first and last megabyte can be stopped apart from the rest. */
async function gatedDisk(): Promise<string> {
  await mapper("edge", `0 ${DISK_SECTORS} linear ${THIRD} 0`);
  await mapper("middle", `0 ${MIDDLE} linear ${THIRD} ${EDGE}`);
  return await mapper(
    "gated",
    `0 ${EDGE} linear /dev/mapper/edge 0\n${EDGE} ${MIDDLE} linear /dev/mapper/middle 0\n` +
      `${EDGE + MIDDLE} ${EDGE} linear /dev/mapper/edge ${EDGE + MIDDLE}`,
  );
}

async function withGates(use: (disk: string) => Promise<void>): Promise<void> {
  const disk = await gatedDisk();
  try {
    await use(disk);
  } finally {
    for (const name of ["edge", "middle"]) await run("dmsetup", "resume", name);
    for (const name of ["gated", "edge", "middle"]) await run("dmsetup", "remove", "--retry", name);
  }
}

const suspend = (name: string) => run("dmsetup", "suspend", "--noflush", "--nolockfs", name);
const resume = (name: string) => run("dmsetup", "resume", name);

/** A run that waits for the middle of the new disk. */
async function copyingTo(scene: Scene, disk: string): Promise<ReturnType<typeof start>> {
  await suspend("middle");
  const running = start("replace", "r0", disk, "--yes");
  await waitFor("the kernel counts writes", () => counting(scene));
  return running;
}

/** A run that waits for the edges of the new disk, which come last: the device stands still. */
async function standingStillFor(scene: Scene, disk: string): Promise<ReturnType<typeof start>> {
  const running = await copyingTo(scene, disk);
  await suspend("edge");
  await resume("middle");
  await waitFor("the device stands still", () => scene.dm.info("r0")?.suspended === true);
  return running;
}

async function writeErrors(scene: Scene, table: string): Promise<void> {
  const at = DISK_SECTORS / 2;
  const rest = DISK_SECTORS - at - 8;
  const disk = await mapper(
    "broken",
    `0 ${at} linear ${THIRD} 0\n${at} 8 error\n${at + 8} ${rest} linear ${THIRD} ${at + 8}`,
  );
  const { err } = await tool(1, "replace", "r0", disk, "--yes");
  checkMatch("what is said", err, /broken: the new disk does not take what is written/);
  await run("dmsetup", "remove", "--retry", "broken");
  await unchanged(scene, "a new disk that fails", table);
}

async function interrupted(scene: Scene, table: string): Promise<void> {
  await withGates(async (disk) => {
    const { process, end } = await copyingTo(scene, disk);
    process.kill("SIGINT");
    await resume("middle");
    checkEqual("exit code", (await end).code, 130);
    await unchanged(scene, "an interrupt", table);
  });
}

/** No signal that can be caught ends the program before the device goes on. */
async function interruptedStill(scene: Scene, table: string): Promise<void> {
  await withGates(async (disk) => {
    const { process, end } = await standingStillFor(scene, disk);
    for (const signal of ["SIGINT", "SIGINT", "SIGHUP", "SIGTERM"] as const) {
      process.kill(signal);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await resume("edge");
    checkEqual("exit code", (await end).code, 130);
    await unchanged(scene, "an interrupt while it stands still", table);
  });
}

async function killed(scene: Scene, table: string): Promise<void> {
  await withGates(async (disk) => {
    const { process, end } = await standingStillFor(scene, disk);
    process.kill("SIGKILL");
    await resume("edge");
    await end;
    const { err } = await tool(5, "replace", "r0", disk, "--yes");
    checkMatch("what is said", err, /dmsetup resume r0/);
    await resume("r0");
    checkEqual("the table", scene.dm.table("r0")[0]?.params, table);
  });
  // What it has left behind is gone with the next run.
  checkEqual("statistics are left", await counting(scene), true);
  await writeErrors(scene, table);
}

/** What is refused is refused before anything is done. */
async function refusals(scene: Scene, table: string): Promise<void> {
  const small = await mapper("small", `0 ${DISK_SECTORS - 8} linear ${THIRD} 0`);
  await tool(1, "replace", "r0", small, "--yes");
  await tool(5, "replace", "r0", THIRD, "--yes");
  await run("dmsetup", "remove", "--retry", "small");
  await tool(5, "replace", "r0", "/dev/lab/spare", "--yes");
  await tool(5, "replace", "r0", "/dev/first", "--yes");
  await tool(5, "replace", "r0", "/dev/lab/second", "--yes", "--offline");
  await tool(2, "replace", "r0", "/dev/lab/second");
  await run("mkswap", THIRD);
  const { err } = await tool(1, "replace", "r0", THIRD, "--yes");
  checkMatch("what is said", err, /signature: swap/);
  await run("wipefs", "-q", "--all", THIRD);
  await tool(0, "replace", "r0", "/dev/lab/second", "--dry-run");
  await unchanged(scene, "refusals", table);
}

export async function failures(scene: Scene, step: Step): Promise<void> {
  const table = scene.dm.table("r0")[0]?.params ?? "";
  await step("refused before anything is done", () => refusals(scene, table));
  await step("a new disk that fails changes nothing", () => writeErrors(scene, table));
  await step("an interrupt changes nothing", () => interrupted(scene, table));
  await step("nor while the device stands still", () => interruptedStill(scene, table));
  await step("killed, it can be resumed by hand", () => killed(scene, table));
  await step("nothing was lost so far", async () => {
    await scene.raw.check("after failures", scene.node, WITHOUT_CONTENT);
    await checkContent("after failures", scene.files);
  });
}
