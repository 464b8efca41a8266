// SPDX-License-Identifier: GPL-2.0-only
//
// File systems with the programs that make and check them.
import { checkEqual } from "../../../cli/selftest/check.ts";
import { run } from "../../suite/guest/process.ts";

export interface FileSystem {
  readonly name: "ext4" | "xfs";
  make(path: string): Promise<void>;
  mount(path: string, where: string): Promise<void>;
  /** @throws if it finds anything; it changes nothing */
  check(path: string): Promise<void>;
}

async function mount(type: string, options: string, path: string, where: string): Promise<void> {
  await run("modprobe", "-q", type).catch(() => "built in");
  await Deno.mkdir(where, { recursive: true });
  await run("mount", "-t", type, "-o", options, path, where);
}

/** mkfs.xfs makes none as small as ours, unless it believes that it is tested. */
const SMALL_XFS = { TEST_DIR: "1", TEST_DEV: "1", QA_CHECK_FS: "1" };

async function makeXfs(path: string): Promise<void> {
  // A log of the least size, no discard of the whole disk.
  const args = ["-q", "-f", "-K", "-m", "reflink=0,rmapbt=0", path];
  const { success, stderr } = await new Deno.Command("mkfs.xfs", { args, env: SMALL_XFS })
    .output();
  checkEqual(`mkfs.xfs: ${new TextDecoder().decode(stderr)}`, success, true);
}

export const FILE_SYSTEMS: readonly FileSystem[] = [
  {
    name: "ext4",
    make: async (path) => {
      const unlazy = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
      await run("mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", unlazy, path);
    },
    mount: (path, where) => mount("ext4", "errors=remount-ro", path, where),
    check: async (path) => void await run("e2fsck", "-f", "-n", path),
  },
  {
    name: "xfs",
    make: makeXfs,
    mount: (path, where) => mount("xfs", "defaults", path, where),
    check: async (path) => void await run("xfs_repair", "-n", path),
  },
];
