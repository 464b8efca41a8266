// SPDX-License-Identifier: GPL-2.0-only
//
// LVM with physical volumes on disks that wear out, and what it says of them itself.
import { check, checkEqual } from "../../../cli/selftest/check.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { LVM_SECTORS } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { checkUnnoticed, dropCaches, type PartContext, sleep } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const HOME = "/tmp/lvm";
const MIRROR_MIB = 20;
const THIN_MIB = 8;
const MOVED_MIB = 12;
const BAD_SECTORS = 400;
const LEAST_RELOCATED = 10;

/** Neither udev nor daemons, and no file below /etc is written. */
const CONFIG = `
devices {
  scan = ["/dev"]
  obtain_device_list_from_udev = 0
  external_device_info_source = "none"
  use_devicesfile = 0
  filter = ["a|/dev/mapper/pv-[abc]$|", "r|.*|"]
}
activation {
  udev_sync = 0
  udev_rules = 0
  verify_udev_operations = 0
  monitoring = 0
}
global {
  use_lvmpolld = 0
  event_activation = 0
}
backup {
  backup = 0
  archive = 0
}
`;

async function lvm(command: string, ...args: readonly string[]): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    env: { LVM_SYSTEM_DIR: HOME, LVM_SUPPRESS_FD_WARNINGS: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (success) return out!;
  throw new Error(`${command} ${args.join(" ")}: exit code ${code}\n${err}`);
}

const field = async (volume: string, name: string) =>
  (await lvm("lvs", "--noheadings", "-o", name, `vg/${volume}`)).trim();

/** Waits for LVM's RAID to have nothing to do. */
async function idle(volume: string): Promise<void> {
  for (let tries = 0;; tries++) {
    const action = await field(volume, "raid_sync_action");
    const percent = await field(volume, "sync_percent");
    if (action === "idle" && percent === "100.00") return;
    check(`${volume} comes to rest`, tries < 200, { expected: "idle", seen: [action, percent] });
    await sleep(200);
  }
}

/** Each physical volume and the group, in LVM's own words. */
async function consistent(disks: readonly WearingDisk[]): Promise<void> {
  for (const { path } of disks) await lvm("pvck", path);
  await lvm("vgck", "vg");
  const health = await lvm("lvs", "-a", "--noheadings", "-o", "lv_health_status", "vg");
  checkEqual("what LVM says of volumes' health", health.trim(), "");
  const missing = await lvm("pvs", "--noheadings", "-o", "pv_missing", ...disks.map((d) => d.path));
  checkEqual("physical volumes that are missing", missing.trim(), "");
}

async function mirror(): Promise<void> {
  await lvm(
    "lvcreate",
    "-q",
    "-y",
    "--type",
    "raid1",
    "-m",
    "1",
    "-L",
    `${MIRROR_MIB}m`,
    "-n",
    "mirror",
    "vg",
  );
  await fillWithContent("/dev/vg/mirror", MIRROR_MIB);
  await idle("mirror");
  await lvm("lvchange", "--syncaction", "check", "vg/mirror");
  await idle("mirror");
  checkEqual("mismatches", await field("mirror", "raid_mismatch_count"), "0");
  await checkContentOf("/dev/vg/mirror", MIRROR_MIB);
}

async function thin(): Promise<void> {
  await lvm(
    "lvcreate",
    "-q",
    "-y",
    "--type",
    "thin-pool",
    "-L",
    `${2 * THIN_MIB}m`,
    "--poolmetadatasize",
    "2m",
    "-n",
    "pool",
    "vg",
  );
  await lvm(
    "lvcreate",
    "-q",
    "-y",
    "-V",
    `${3 * THIN_MIB}m`,
    "--thinpool",
    "vg/pool",
    "-n",
    "thin",
  );
  await fillWithContent("/dev/vg/thin", THIN_MIB);
  await lvm("lvcreate", "-q", "-y", "-s", "-n", "snap", "vg/thin");
  await lvm("lvchange", "-ay", "-K", "vg/snap");
  await checkContentOf("/dev/vg/snap", THIN_MIB);
  await lvm("lvchange", "-an", "vg/snap", "vg/thin", "vg/pool");
  await lvm("lvchange", "-y", "-ay", "vg/pool_tmeta");
  await run("thin_check", "/dev/vg/pool_tmeta");
  await lvm("lvchange", "-an", "vg/pool_tmeta");
  await lvm("lvchange", "-ay", "vg/thin");
  await dropCaches();
  await checkContentOf("/dev/vg/thin", THIN_MIB);
}

async function moved([from, , to]: readonly WearingDisk[]): Promise<void> {
  await lvm("lvcreate", "-q", "-y", "-L", `${MOVED_MIB}m`, "-n", "moved", "vg", from!.path);
  await fillWithContent("/dev/vg/moved", MOVED_MIB);
  await Promise.all([
    lvm("pvmove", "-q", "-i", "1", "-n", "moved", from!.path, to!.path),
    checkContentOf("/dev/vg/moved", MOVED_MIB),
  ]);
  const place = await lvm("lvs", "--noheadings", "-o", "devices", "vg/moved");
  check("it is on the third disk", place.includes(to!.path), { expected: to!.path, seen: place });
  await checkContentOf("/dev/vg/moved", MOVED_MIB);
}

export async function lvmPart({ dm, step }: PartContext): Promise<void> {
  await run("modprobe", "-a", "dm-raid", "raid1", "dm-mirror", "dm-thin-pool");
  await Deno.mkdir(HOME, { recursive: true });
  await Deno.writeTextFile(`${HOME}/lvm.conf`, CONFIG);
  await using stack = new AsyncDisposableStack();
  const disks: WearingDisk[] = [];
  for (const [index, letter] of ["a", "b", "c"].entries()) {
    disks.push(stack.use(
      await WearingDisk.create(dm, {
        name: `pv-${letter}`,
        serial: "lvm",
        first: index * WearingDisk.sectorsFor(LVM_SECTORS),
        sectors: LVM_SECTORS,
        bad: BAD_SECTORS,
      }),
    ));
  }
  // A test that has failed may have left it active.
  stack.defer(async () => void await lvm("vgchange", "-an", "vg").catch(() => "there is none"));
  using log = KernelLogMark.atEnd();
  const wearing = async (action: () => Promise<void>) => {
    for (const disk of disks) disk.wearOn();
    try {
      await action();
    } finally {
      for (const disk of disks) await disk.rest();
    }
  };
  const paths = disks.map(({ path }) => path);
  await step("three physical volumes, a group", async () => {
    await lvm("pvcreate", "-q", "-y", ...paths);
    await lvm("vgcreate", "-q", "-y", "-s", "1m", "vg", ...paths);
    await consistent(disks);
  });
  await step("a RAID 1 volume, scrubbed: no mismatches", () => wearing(mirror));
  await step("a thin pool, thin_check", () => wearing(thin));
  await step("a volume moved under load", () => wearing(() => moved(disks)));
  await step("nobody has noticed", async () => {
    checkUnnoticed(log);
    await consistent(disks);
    for (const { remapped } of disks) {
      remapped.checkRelocations(LEAST_RELOCATED);
      checkEqual("sectors without content", remapped.counters().lost, 0);
    }
    progress(disks.map((d) => `${d.gone} bad, ${d.remapped.counters().remapped} moved`).join("; "));
  });
  await lvm("vgchange", "-an", "vg");
}
