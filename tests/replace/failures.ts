// SPDX-License-Identifier: GPL-2.0-only
//
// Copies that do not come to their end: the device goes on as it was, with its old disk.
import { check, checkEqual, checkMatch } from "../../cli/selftest/check.ts";
import { run } from "../suite/guest/process.ts";
import type { Step } from "../suite/guest/steps.ts";
import { DISK_SECTORS, mapper } from "./disks.ts";
import { checkContent } from "./files.ts";
import type { Scene } from "./scene.ts";
import { WITHOUT_CONTENT } from "./raw.ts";
import { start, tool } from "./tool.ts";

const EDGE = 2048;
const MIDDLE = DISK_SECTORS - 2 * EDGE;
const THIRD = "/dev/lab/third";

async function waitFor(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1200; i++) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
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

/** So long lasts a write to the new disk's first or last megabyte, which the copy ends with. */
const SLOW_MS = 3000;

async function withSlowEdges(use: (disk: string) => Promise<void>): Promise<void> {
  const line = (first: number, sectors: number, writes: number) =>
    `${first} ${sectors} delay ${THIRD} ${first} 0 ${THIRD} ${first} ${writes} ${THIRD} ${first} 0`;
  const end = DISK_SECTORS - EDGE;
  const lines = [line(0, EDGE, SLOW_MS), line(EDGE, MIDDLE, 0), line(end, EDGE, SLOW_MS)];
  const disk = await mapper("slow", lines.join("\n"));
  try {
    await use(disk);
  } finally {
    await run("dmsetup", "remove", "--retry", "slow");
  }
}

type Running = ReturnType<typeof start>;

/** A run that is copying; it has some seconds to go. */
async function copyingTo(scene: Scene, disk: string): Promise<Running> {
  const running = start("replace", "r0", disk, "--yes");
  await waitFor("the kernel counts writes", () => counting(scene));
  return running;
}

/** A run for which the device stands still, for as long as a write to the edges takes. */
async function standingStillFor(scene: Scene, disk: string): Promise<Running> {
  const running = start("replace", "r0", disk, "--yes");
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
  await withSlowEdges(async (disk) => {
    const { process, end } = await copyingTo(scene, disk);
    process.kill("SIGINT");
    checkEqual("exit code", (await end).code, 130);
    await unchanged(scene, "an interrupt", table);
  });
}

/** No signal that can be caught ends the program before the device goes on. */
async function interruptedStill(scene: Scene, table: string): Promise<void> {
  await withSlowEdges(async (disk) => {
    const { process, end } = await standingStillFor(scene, disk);
    for (const signal of ["SIGINT", "SIGINT", "SIGHUP", "SIGTERM"] as const) {
      process.kill(signal);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    checkEqual("exit code", (await end).code, 130);
    await unchanged(scene, "an interrupt while it stands still", table);
  });
}

async function killed(scene: Scene, table: string): Promise<void> {
  await withSlowEdges(async (disk) => {
    const { process, end } = await standingStillFor(scene, disk);
    process.kill("SIGKILL");
    await end;
    const { err } = await tool(5, "replace", "r0", disk, "--yes");
    checkMatch("what is said", err, /dmsetup resume r0/);
    await run("dmsetup", "resume", "r0");
    checkEqual("the table", scene.dm.table("r0")[0]?.params, table);
  });
  // The next run has to do away with what this one has left behind.
  checkEqual("statistics are left", await counting(scene), true);
}

/** The rest of what is refused is tried without a kernel, in cli/device/mirror/plan_test.ts. */
async function refusals(scene: Scene, table: string): Promise<void> {
  await run("mkswap", THIRD);
  const { err } = await tool(1, "replace", "r0", THIRD, "--yes");
  checkMatch("what is said", err, /signature: swap/);
  await run("wipefs", "-q", "--all", THIRD);
  await unchanged(scene, "refusals", table);
}

export async function failures(scene: Scene, step: Step): Promise<void> {
  const table = scene.dm.table("r0")[0]?.params ?? "";
  await step("refused before anything is done", () => refusals(scene, table));
  await step("an interrupt changes nothing", () => interrupted(scene, table));
  await step("nor while the device stands still", () => interruptedStill(scene, table));
  await step("killed, it can be resumed by hand", () => killed(scene, table));
  await step("a new disk that fails changes nothing", () => writeErrors(scene, table));
  await step("nothing was lost so far", async () => {
    await scene.raw.check("after failures", scene.node, WITHOUT_CONTENT);
    await checkContent("after failures", scene.files);
  });
}
