// SPDX-License-Identifier: GPL-2.0-only
//
// A mounted ext4 with files of known content, and somebody who writes to it all the time.
import { check, checkEqual } from "../../cli/selftest/check.ts";
import {
  checkFiles,
  digest,
  type Digests,
  findRealFiles,
} from "../../cli/selftest/stages/real_files.ts";
import { run } from "../suite/guest/process.ts";
import { FS_SECTORS } from "./disks.ts";

export const MOUNT = "/tmp/mnt";
const CHOICE = { files: 60, bytes: 6 * 2 ** 20, largest: 2 ** 20 };

export async function makeFileSystem(node: string): Promise<Digests> {
  const unlazy = "lazy_itable_init=0,lazy_journal_init=0";
  const blocks = `${FS_SECTORS / 8}`;
  await run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", unlazy, node, blocks);
  await Deno.mkdir(MOUNT, { recursive: true });
  await mountOn(node);
  const digests: Digests = new Map();
  await Deno.mkdir(`${MOUNT}/files`);
  for (const [index, { path }] of (await findRealFiles(CHOICE)).entries()) {
    const content = await Deno.readFile(path);
    const name = `${index}-${path.replaceAll("/", "_").slice(-60)}`;
    await Deno.writeFile(`${MOUNT}/files/${name}`, content);
    digests.set(name, await digest(content));
  }
  await run("sync", "-f", MOUNT);
  return digests;
}

export async function mountOn(node: string, ...options: readonly string[]): Promise<void> {
  await run("mount", "-t", "ext4", "-o", ["errors=remount-ro", ...options].join(","), node, MOUNT);
}

/** All of it comes from the disk again. */
export async function checkContent(what: string, digests: Digests): Promise<void> {
  await run("sync", "-f", MOUNT);
  await Deno.writeTextFile("/proc/sys/vm/drop_caches", "3");
  await checkFiles(what, `${MOUNT}/files`, digests);
  const mounts = await Deno.readTextFile("/proc/mounts");
  const line = mounts.split("\n").find((each) => each.includes(` ${MOUNT} `)) ?? "";
  checkEqual(`${what}: mounted for writing`, / rw,/.test(line), true);
}

export async function unmountAndCheck(node: string): Promise<void> {
  await run("umount", MOUNT);
  await run("e2fsck", "-f", "-n", node);
}

/** fio writes and verifies, round after round, until it is told to stop. */
export class Load implements AsyncDisposable {
  #stopping = false;
  #rounds = 0;
  readonly #work: Promise<void>;

  private constructor() {
    this.#work = this.#run();
    // Told when it is waited for.
    this.#work.catch(() => undefined);
  }

  /** The first round is over when this returns: the files are there. */
  static async start(): Promise<Load> {
    const load = new Load();
    await Promise.race([load.#work, load.#someRounds(1)]);
    return load;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      await run(
        "fio",
        "--output-format=terse",
        "--thread",
        "--verify=crc32c",
        "--verify_fatal=1",
        "--do_verify=1",
        `--directory=${MOUNT}`,
        "--ioengine=libaio",
        "--iodepth=4",
        `--randseed=${this.#rounds + 1}`,
        ...[
          "--name=direct",
          "--rw=randwrite",
          "--bs=4k",
          "--size=512k",
          "--direct=1",
          "--fsync=64",
        ],
        ...["--name=cached", "--rw=randwrite", "--bs=16k", "--size=512k", "--fdatasync=16"],
      );
      this.#rounds++;
    }
  }

  async #someRounds(count: number): Promise<void> {
    const wanted = this.#rounds + count;
    while (this.#rounds < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Ends it after a whole round that began after now; throws what it has found. */
  async stop(): Promise<void> {
    await Promise.race([this.#work, this.#someRounds(2)]);
    this.#stopping = true;
    await this.#work;
    check("rounds of fio", this.#rounds > 2, { expected: "more than two", seen: this.#rounds });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#work.catch(() => undefined);
  }
}
