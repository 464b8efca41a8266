// SPDX-License-Identifier: GPL-2.0-only
//
// md arrays with legs on disks that wear out, and what md finds when it checks itself.
import { check, checkEqual, checkMatch } from "../../../cli/selftest/check.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { stackOf } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { checkUnnoticed, chosenCases, dropCaches, type PartContext, sleep } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const NODE = "/dev/md0";
const SYS = "/sys/block/md0/md";
const LEAST_RELOCATED = 10;
const RUINED = 4 * 2048 + 8;

const text = async (path: string) => (await Deno.readTextFile(path)).trim();

async function idle(): Promise<void> {
  for (let tries = 0;; tries++) {
    const action = await text(`${SYS}/sync_action`);
    if (action === "idle") return;
    check("the array comes to rest", tries < 400, { expected: "idle", seen: action });
    await sleep(100);
  }
}

async function scrub(): Promise<void> {
  await Deno.writeTextFile(`${SYS}/sync_action`, "check");
  await idle();
  checkEqual("mismatch_cnt", await text(`${SYS}/mismatch_cnt`), "0");
}

/** All legs are in the array, and md knows of no bad block. */
async function allIn(disks: readonly WearingDisk[]): Promise<void> {
  checkEqual("legs that are missing", await text(`${SYS}/degraded`), "0");
  for await (const { name } of Deno.readDir(SYS)) {
    if (!name.startsWith("dev-")) continue;
    checkEqual(`state of ${name}`, await text(`${SYS}/${name}/state`), "in_sync");
    checkEqual(`md's bad blocks of ${name}`, await text(`${SYS}/${name}/bad_blocks`), "");
  }
  for (const { path } of disks) {
    const said = await run("mdadm", "--examine", path);
    checkMatch(`mdadm --examine ${path}`, said, /State : (clean|active)/);
    checkMatch(`mdadm --examine ${path}`, said, /Checksum : \w+ - correct/);
  }
}

/** Read errors that md has mended by writing. */
async function corrected(): Promise<number> {
  let sum = 0;
  for await (const { name } of Deno.readDir(SYS)) {
    if (name.startsWith("dev-")) sum += Number(await text(`${SYS}/${name}/errors`));
  }
  return sum;
}

/** md reads all of it, cannot, and writes what the other legs know: that brings it to the spare. */
async function mended(disk: WearingDisk): Promise<void> {
  const before = disk.remapped.counters();
  // Behind md's own, and in what is filled.
  const ruined = await disk.ruin(RUINED, 3);
  await dropCaches();
  await Deno.writeTextFile(`${SYS}/sync_action`, "repair");
  await idle();
  const after = disk.remapped.counters();
  check("relocated as md wrote it", after.remapped - before.remapped >= ruined, {
    expected: `${ruined} sectors at least`,
    seen: after.remapped - before.remapped,
  });
  checkEqual("sectors without content", [after.pending, after.lost], [0, 0]);
  await scrub();
}

/** Array and legs end and begin again. */
async function nextLife(disks: readonly WearingDisk[], mib: number): Promise<void> {
  await run("mdadm", "--stop", "--quiet", NODE);
  for (const { remapped } of disks) await remapped.again();
  await run("mdadm", "--assemble", "--quiet", NODE, ...disks.map(({ path }) => path));
  await idle();
  await allIn(disks);
  await scrub();
  await checkContentOf(NODE, mib);
  await run("mdadm", "--stop", "--quiet", NODE);
}

interface Level {
  readonly level: number;
  readonly legs: number;
}

async function onLevel(
  { dm, full, step }: PartContext,
  { level, legs }: Level,
): Promise<void> {
  const { sectors, content, bad } = stackOf("md", full);
  await using stack = new AsyncDisposableStack();
  const disks: WearingDisk[] = [];
  for (let leg = 0; leg < legs; leg++) {
    disks.push(stack.use(
      await WearingDisk.create(dm, {
        name: `raid${level}-${leg}`,
        serial: `md${level}`,
        first: leg * WearingDisk.sectorsFor(sectors),
        sectors,
        bad,
      }),
    ));
  }
  // A test that has failed may have left it running.
  stack.defer(async () => void await run("mdadm", "--stop", NODE).catch(() => "stopped"));
  const paths = disks.map(({ path }) => path);
  using log = KernelLogMark.atEnd();
  await step(`RAID ${level}: made, written, checked, while ${legs} disks wear out`, async () => {
    for (const disk of disks) disk.wearOn();
    try {
      const shape = [`--level=${level}`, `--raid-devices=${legs}`, "--bitmap=none"];
      await run("mdadm", "--create", "--quiet", "--run", "--force", NODE, ...shape, ...paths);
      await fillWithContent(NODE, content);
      await idle();
      await scrub();
      await checkContentOf(NODE, content);
    } finally {
      for (const disk of disks) await disk.rest();
    }
  });
  await step(`RAID ${level}: nobody has noticed`, async () => {
    checkUnnoticed(log);
    await allIn(disks);
    checkEqual("errors that md has corrected", await corrected(), 0);
    for (const { remapped } of disks) {
      remapped.checkRelocations(LEAST_RELOCATED);
      checkEqual("sectors without content", remapped.counters().lost, 0);
    }
    progress(disks.map((d) => `${d.gone} bad, ${d.remapped.counters().remapped} moved`).join("; "));
  });
  await step(`RAID ${level}: a leg that cannot be read is mended by the others`, async () => {
    await mended(disks[0]!);
    await allIn(disks);
    await checkContentOf(NODE, content);
  });
  await step(`RAID ${level}: the same array in the next life`, () => nextLife(disks, content));
}

const LEVELS: readonly Level[] = [{ level: 1, legs: 2 }, { level: 5, legs: 3 }];

export async function mdPart(context: PartContext): Promise<void> {
  await run("modprobe", "-a", "md-mod", "raid1", "raid456");
  for (const limit of ["min", "max"]) {
    await Deno.writeTextFile(`/proc/sys/dev/raid/speed_limit_${limit}`, "1000000");
  }
  const chosen = chosenCases(LEVELS, ({ level }) => `RAID ${level}`, context);
  for (const level of chosen) await onLevel(context, level);
}
