// SPDX-License-Identifier: GPL-2.0-only
//
// stress-ng's stressors for file systems and I/O, on file systems over a disk that wears out.
import { check, checkEqual } from "../../../cli/selftest/check.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { STRESS_SECTORS } from "../layout.ts";
import { chosenStressors, parseClass, parseMetrics, stressorArguments } from "../stressors.ts";
import { FILE_SYSTEMS, type FileSystem } from "./file_systems.ts";
import { checkUnnoticed, chosenCases, type PartContext } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const MOUNT = "/tmp/mnt";
/** Bad before the file system is made; most of them are met by it or by the stressors. */
const BAD_SECTORS = 1000;
const LEAST_RELOCATED = 5;
/** Several times what it takes: the numbers of operations bound it. */
const SECONDS = 120;

async function stressors(...names: readonly string[]): Promise<string[]> {
  const classes = await Promise.all(names.map(async (name) => {
    // Asked like this, it answers and ends as if something were wrong.
    const { stdout } = await new Deno.Command("stress-ng", { args: ["--class", `${name}?`] })
      .output();
    return parseClass(new TextDecoder().decode(stdout));
  }));
  return chosenStressors(...classes);
}

/** All of them at once; each does something, and finds what it has written. */
async function stress(names: readonly string[], full: boolean): Promise<void> {
  const report = "/tmp/stress.yaml";
  const { code, stdout, stderr } = await new Deno.Command("stress-ng", {
    args: [
      ...stressorArguments(names, full ? 4 : 1),
      ...["--verify", "--temp-path", MOUNT, "--timeout", `${SECONDS}`],
      ...["--metrics", "--yaml", report, "--no-rand-seed", "--oomable"],
    ],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const wrong = text.split("\n").filter((line) => /fail:|error:|skipp|not supported/.test(line));
  checkEqual(`what stress-ng complains of (exit code ${code})`, wrong.slice(0, 20), []);
  const said = text.split("\n").slice(-8).join("\n");
  checkEqual(`stress-ng's exit code (${said})`, code, 0);
  const done = parseMetrics(await Deno.readTextFile(report));
  checkEqual("stressors that did nothing", names.filter((name) => !done.get(name)), []);
  progress([...done].map(([name, ops]) => `${name} ${ops}`).join(", "));
}

async function onFileSystem(
  { dm, full, step }: PartContext,
  fs: FileSystem,
  names: readonly string[],
): Promise<void> {
  await using disk = await WearingDisk.create(dm, {
    name: `stress-${fs.name}`,
    serial: "stress",
    sectors: STRESS_SECTORS,
    bad: BAD_SECTORS,
  });
  const { remapped } = disk;
  using log = KernelLogMark.atEnd();
  await step(`${fs.name}: ${names.length} stressors, while the disk wears out`, async () => {
    await fs.make(disk.path);
    await fs.mount(disk.path, MOUNT);
    const before = remapped.counters().autoRemaps;
    disk.wearOn();
    try {
      await stress(names, full);
    } finally {
      await disk.rest();
      await run("umount", MOUNT);
    }
    const { autoRemaps } = remapped.counters();
    progress(
      `${fs.name}: ${disk.gone} bad sectors, ${before} relocated by mkfs, ${autoRemaps} now`,
    );
    check("relocations under stress", autoRemaps - before >= LEAST_RELOCATED, {
      expected: `${LEAST_RELOCATED} at least`,
      seen: autoRemaps - before,
    });
  });
  await step(`${fs.name}: whole, and nobody has noticed`, async () => {
    await fs.check(disk.path);
    checkUnnoticed(log);
    remapped.checkSums();
    checkEqual("sectors without content", remapped.counters().lost, 0);
  });
  await step(`${fs.name}: whole in the next life`, async () => {
    await remapped.again();
    await fs.mount(disk.path, MOUNT);
    await run("umount", MOUNT);
    await fs.check(disk.path);
  });
}

export async function stressPart(context: PartContext): Promise<void> {
  const all = await stressors("filesystem", "io");
  // What xfs makes of names and links is not the target's; what it makes of I/O is.
  const io = context.full ? all : await stressors("io");
  const chosen = chosenCases(FILE_SYSTEMS, ({ name }) => name, context);
  for (const fs of chosen) await onFileSystem(context, fs, fs.name === "xfs" ? io : all);
}
