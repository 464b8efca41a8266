// SPDX-License-Identifier: GPL-2.0-only
// The main job: a disk with files on it is wrapped as it is, sectors under the files are relocated
// while they are being written, and every byte is right. Then the layer is taken away again.
import { join } from "node:path";
import { check, checkEqual } from "../check.ts";
import { readSectors } from "../content.ts";
import { makeLoop } from "../loops.ts";
import { useModule } from "../module.ts";
import { run as runProgram } from "../programs.ts";
import { Random } from "../random.ts";
import { type Disks, type Range, Rig } from "../rig.ts";
import { Scope } from "../scope.ts";
import type { Stage, StageRun } from "../stage.ts";
import { inBackground } from "../tasks.ts";
import { findExtents } from "./extents.ts";
import { checkFiles, digest, type Digests, findRealFiles } from "./real_files.ts";
import { FileWriters } from "./writers.ts";

const MAIN_SECTORS = 196_608;
const SPARE_SECTORS = 8192;
const CHOICE = { files: 250, bytes: 8 << 20, largest: 256 << 10 };
/** How many of the files are rewritten while their sectors move. */
const REWRITTEN = 24;
const RELOCATED = 200;
/** Superblock, group descriptors, and what lies behind them: the file system's own blocks. */
const METADATA: readonly Range[] = [{ first: 2, count: 2 }, { first: 8, count: 8 }];

class FilesStage {
  readonly #digests: Digests = new Map();
  readonly #folder: string;

  constructor(private readonly stage: StageRun, private readonly disks: Disks) {
    this.#folder = join(stage.workdir, "mnt");
  }

  async run(): Promise<void> {
    const { stage } = this;
    await Deno.mkdir(this.#folder);
    stage.scope.defer(this.#folder, () => Deno.remove(this.#folder));
    await stage.must("ext4 with real files on the bare disk", (scope) => this.#fill(scope));
    await this.#wrapped();
    await stage.must("the bare disk has the same files", async (scope) => {
      await this.#fsck(this.disks.main.path);
      await this.#mount(scope, this.disks.main.path, ["ro"]);
      await checkFiles("the bare disk", this.#folder, this.#digests);
    });
  }

  /** Everything that happens while the disk is wrapped. */
  async #wrapped(): Promise<void> {
    const { stage } = this;
    await using scope = new Scope(this.stage.signal);
    const features = ["volatile", "max_remaps", "0"];
    const rig = await Rig.make(scope, stage.dm, this.disks, { features, fill: false });
    let relocated: Range[] = [];
    await stage.must("the files through the device", async (mounted) => {
      await this.#mount(mounted, rig.device.path, ["ro"]);
      await checkFiles("before the first relocation", this.#folder, this.#digests);
    });
    await stage.must(`${RELOCATED} sectors move while files are written`, async (mounted) => {
      await this.#mount(mounted, rig.device.path);
      relocated = await this.#relocate(rig);
      await checkFiles("while mounted", this.#folder, this.#digests);
    });
    await stage.must("fsck is clean and the files are equal", async (mounted) => {
      await this.#fsck(rig.device.path);
      await this.#mount(mounted, rig.device.path, ["ro"]);
      await checkFiles("after fsck", this.#folder, this.#digests);
    });
    await stage.must("the old copies on main are stale", () => {
      return this.#compareOldCopies(rig, relocated);
    });
    await stage.must("clear brings everything back", async () => {
      const { remapped, lost } = rig.status();
      checkEqual("lost", lost, 0n);
      checkEqual("clear", await rig.send("clear"), `cleared=${remapped} kept=0`);
    });
  }

  async #fill(scope: Scope): Promise<void> {
    const files = await findRealFiles(CHOICE);
    check("files on this machine", files.length >= 100, {
      expected: "at least 100",
      seen: files.length,
    });
    const { signal } = this.stage;
    const { path } = this.disks.main;
    await runProgram("mkfs.ext4", ["-q", "-F", "-b", "4096", path], { signal });
    await this.#mount(scope, path);
    let bytes = 0;
    for (const [index, file] of files.entries()) {
      const content = await Deno.readFile(file.path);
      const name = `${index}-${file.path.replaceAll("/", "_").slice(-60)}`;
      await Deno.writeFile(join(this.#folder, name), content);
      this.#digests.set(name, await digest(content));
      bytes += content.length;
    }
    this.stage.figure("files", files.length, "");
    this.stage.figure("in them", bytes / 1048576, "MiB");
  }

  /** Relocates sectors under files, some at a time, while others write the same files. */
  async #relocate(rig: Rig): Promise<Range[]> {
    const { stage } = this;
    const random = new Random(stage.settings.seed);
    const names = random.shuffle([...this.#digests.keys()]);
    const rewritten = names.slice(0, REWRITTEN);
    const quiet = names.slice(REWRITTEN, 2 * REWRITTEN);
    const paths = [...rewritten, ...quiet].map((name) => join(this.#folder, name));
    const extents = await findExtents(paths, stage.signal);
    const batches = pickSectors(random, extents, RELOCATED);
    const writers = new FileWriters(this.#folder, rewritten, this.#digests, stage.settings.seed);
    const writing = inBackground([writers.run()]);
    try {
      for (const ranges of [METADATA, ...batches]) {
        const pairs = ranges.map(({ first, count }) => `${first} ${count}`).join(" ");
        const count = ranges.reduce((sum, range) => sum + range.count, 0);
        checkEqual(`remap ${pairs}`, await rig.send(`remap ${pairs}`), `remapped=${count} lost=0`);
        // The next sectors move when every file has been written again.
        await writers.nextRound();
      }
    } finally {
      writers.stop();
      await writing;
    }
    const own = METADATA.reduce((sum, { count }) => sum + count, 0);
    checkEqual("relocated", rig.status().remapped, BigInt(RELOCATED + own));
    stage.figure("files written meanwhile", writers.written, "");
    return batches.flat();
  }

  /** Shows that the files were really served by the spare: main's copies are no longer theirs. */
  async #compareOldCopies(rig: Rig, relocated: readonly Range[]): Promise<void> {
    let stale = 0;
    for (const { first, count } of relocated) {
      const [now, old] = [
        await readSectors(rig.file, first, count),
        await readSectors(rig.main, first, count),
      ];
      if (now.some((byte, index) => byte !== old[index])) stale++;
    }
    this.stage.figure("relocated ranges that differ on main", stale, "");
    check("relocated ranges that were rewritten", stale > 0, { expected: "some", seen: stale });
  }

  async #fsck(path: string): Promise<void> {
    await runProgram("e2fsck", ["-f", "-n", path], { signal: this.stage.signal });
  }

  async #mount(scope: Scope, path: string, options: readonly string[] = []): Promise<void> {
    const all = ["nodev", "nosuid", "noexec", ...options].join(",");
    await runProgram("mount", ["-t", "ext4", "-o", all, path, this.#folder]);
    scope.defer(`the mount on ${this.#folder}`, async () => {
      await runProgram("umount", [this.#folder]);
    });
  }
}

/** Sectors in batches of some ranges each, in ascending order, none of them twice. */
export function pickSectors(
  random: Random,
  extents: readonly Range[],
  sectors: number,
): Range[][] {
  const batches: Range[][] = [];
  const taken = new Set<number>();
  let left = sectors;
  for (let attempt = 0; left > 0 && attempt < 100 * sectors; attempt++) {
    const extent = random.pick(extents);
    const offset = random.below(extent.count);
    const wanted = Math.min(random.pick([1, 1, 2, 8, 13]), left, extent.count - offset);
    const range = { first: extent.first + offset, count: wanted };
    const all = Array.from({ length: wanted }, (_, index) => range.first + index);
    if (all.some((sector) => taken.has(sector))) continue;
    for (const sector of all) taken.add(sector);
    const batch = batches.at(-1);
    if (batch === undefined || batch.length === 8) batches.push([range]);
    else batch.push(range);
    left -= wanted;
  }
  return batches.map((batch) => batch.sort((a, b) => a.first - b.first));
}

async function run(stage: StageRun): Promise<void> {
  await useModule(stage.scope, stage.signal);
  const disks: Disks = {
    main: await makeLoop(stage.scope, stage.workdir, { sectors: MAIN_SECTORS }),
    spare: await makeLoop(stage.scope, stage.workdir, { sectors: SPARE_SECTORS }),
  };
  await new FilesStage(stage, disks).run();
}

export const FILES: Stage = {
  name: "files",
  summary: "a disk with real files: wrapped, relocated under writers, unwrapped, every byte right",
  programs: ["losetup", "insmod", "rmmod", "mount", "umount", "mkfs.ext4", "e2fsck", "filefrag"],
  run,
};
