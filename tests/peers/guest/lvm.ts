// SPDX-License-Identifier: GPL-2.0-only
//
// LVM with physical volumes on disks that wear out, and what it says of them itself.
import { check, checkEqual } from "../../../cli/selftest/check.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { stackOf } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { checkUnnoticed, dropCaches, type PartContext, sleep } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const HOME = "/tmp/lvm";
const LEAST_RELOCATED = 10;

interface Scene {
  readonly dm: DeviceMapper;
  readonly disks: readonly WearingDisk[];
  /** What each volume is filled with. */
  readonly mib: number;
}

/** Neither udev nor daemons, and no file below /etc is written. */
const CONFIG = `
devices {
  scan = ["/dev"]
  obtain_device_list_from_udev = 0
  external_device_info_source = "none"
  use_devicesfile = 0
  filter = ["a|/dev/mapper/pv-[abc]$|", "r|.*|"]
  multipath_component_detection = 0
  md_component_detection = 0
}
activation {
  udev_sync = 0
  udev_rules = 0
  verify_udev_operations = 0
  monitoring = 0
  reserved_memory = 0
  reserved_stack = 0
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

/** Waits for a RAID volume to have nothing to do; asks the kernel, which is faster than LVM. */
async function idle(dm: DeviceMapper, volume: string): Promise<void> {
  for (let tries = 0;; tries++) {
    const [, , health, ratio = "", action] = dm.status(`vg-${volume}`)[0]!.params.trim().split(" ");
    const [done, all] = ratio.split("/");
    if (action === "idle" && done === all && /^A+$/.test(health ?? "")) return;
    const seen = [health, ratio, action];
    check(`${volume} comes to rest`, tries < 900, { expected: "idle", seen });
    await sleep(100);
  }
}

/** LVM has a RAID volume's legs compared, or made equal; says how many differences there were. */
async function scrub(dm: DeviceMapper, volume: string, how: "check" | "repair"): Promise<string> {
  await lvm("lvchange", "--syncaction", how, `vg/${volume}`);
  await idle(dm, volume);
  return await field(volume, "raid_mismatch_count");
}

/** Each physical volume and the group, in LVM's own words. */
async function consistent(disks: readonly WearingDisk[]): Promise<void> {
  await lvm("pvck", ...disks.map(({ path }) => path));
  await lvm("vgck", "vg");
  const health = await lvm("lvs", "-a", "--noheadings", "-o", "lv_health_status", "vg");
  checkEqual("what LVM says of volumes' health", health.trim(), "");
  const missing = await lvm("pvs", "--noheadings", "-o", "pv_missing", ...disks.map((d) => d.path));
  checkEqual("physical volumes that are missing", missing.trim(), "");
}

async function mirror({ dm, mib }: Scene): Promise<void> {
  const shape = ["--type", "raid1", "-m", "1", "-L", `${mib}m`];
  await lvm("lvcreate", "-q", "-y", ...shape, "-n", "mirror", "vg");
  await fillWithContent("/dev/vg/mirror", mib);
  await idle(dm, "mirror");
  checkEqual("mismatches", await scrub(dm, "mirror", "check"), "0");
  await checkContentOf("/dev/vg/mirror", mib);
}

/** A leg that cannot be read is written anew from the other one, and that brings it to the spare. */
async function repaired({ dm, disks, mib }: Scene): Promise<void> {
  const disk = disks[0]!;
  const before = disk.remapped.counters();
  const first = Number(
    await lvm("pvs", "--noheadings", "--nosuffix", "--units", "s", "-o", "pe_start", disk.path),
  );
  // Behind the volume's metadata, which has an extent of its own.
  const ruined = await disk.ruin(first + 2 * 2048 + 8, 3);
  await dropCaches();
  await scrub(dm, "mirror", "repair");
  const after = disk.remapped.counters();
  check("relocated by the repair", after.remapped - before.remapped >= ruined, {
    expected: `${ruined} sectors at least`,
    seen: after.remapped - before.remapped,
  });
  checkEqual("sectors without content", [after.pending, after.lost], [0, 0]);
  checkEqual("mismatches", await scrub(dm, "mirror", "check"), "0");
  await checkContentOf("/dev/vg/mirror", mib);
}

async function thin({ mib }: Scene): Promise<void> {
  const shape = ["--type", "thin-pool", "-L", `${2 * mib}m`, "--poolmetadatasize", "2m"];
  await lvm("lvcreate", "-q", "-y", ...shape, "-n", "pool", "vg");
  await lvm("lvcreate", "-q", "-y", "-V", `${3 * mib}m`, "--thinpool", "vg/pool", "-n", "thin");
  await fillWithContent("/dev/vg/thin", mib);
  await lvm("lvcreate", "-q", "-y", "-s", "-n", "snap", "vg/thin");
  await lvm("lvchange", "-ay", "-K", "vg/snap");
  await checkContentOf("/dev/vg/snap", mib);
  await lvm("lvchange", "-an", "vg/snap", "vg/thin", "vg/pool");
  await lvm("lvchange", "-y", "-ay", "vg/pool_tmeta");
  await run("thin_check", "/dev/vg/pool_tmeta");
  await lvm("lvchange", "-an", "vg/pool_tmeta");
  await lvm("lvchange", "-ay", "vg/thin");
  await dropCaches();
  await checkContentOf("/dev/vg/thin", mib);
}

async function moved({ disks: [from, , to], mib }: Scene): Promise<void> {
  await lvm("lvcreate", "-q", "-y", "-L", `${mib}m`, "-n", "moved", "vg", from!.path);
  await fillWithContent("/dev/vg/moved", mib);
  await Promise.all([
    lvm("pvmove", "-q", "-i", "1", "-n", "moved", from!.path, to!.path),
    checkContentOf("/dev/vg/moved", mib),
  ]);
  const place = await lvm("lvs", "--noheadings", "-o", "devices", "vg/moved");
  check("it is on the third disk", place.includes(to!.path), { expected: to!.path, seen: place });
  await checkContentOf("/dev/vg/moved", mib);
}

async function nextLife({ disks, mib }: Scene): Promise<void> {
  await lvm("vgchange", "-an", "vg");
  for (const { remapped } of disks) await remapped.again();
  await lvm("vgchange", "-ay", "vg");
  await consistent(disks);
  for (const volume of ["mirror", "thin", "moved"]) await checkContentOf(`/dev/vg/${volume}`, mib);
  await lvm("vgchange", "-an", "vg");
}

async function create(
  { dm, full }: PartContext,
  stack: AsyncDisposableStack,
): Promise<WearingDisk[]> {
  const { sectors, bad } = stackOf("lvm", full);
  const disks: WearingDisk[] = [];
  for (const [index, letter] of ["a", "b", "c"].entries()) {
    const first = index * WearingDisk.sectorsFor(sectors);
    const options = { name: `pv-${letter}`, serial: "lvm", first, sectors, bad };
    disks.push(stack.use(await WearingDisk.create(dm, options)));
  }
  return disks;
}

export async function lvmPart(context: PartContext): Promise<void> {
  const { dm, full, step } = context;
  await run("modprobe", "-a", "dm-raid", "raid1", "dm-mirror", "dm-thin-pool");
  await Deno.mkdir(HOME, { recursive: true });
  await Deno.writeTextFile(`${HOME}/lvm.conf`, CONFIG);
  await using stack = new AsyncDisposableStack();
  const disks = await create(context, stack);
  const scene: Scene = { dm, disks, mib: stackOf("lvm", full).content };
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
  await step("a RAID 1 volume, scrubbed: no mismatches", () => wearing(() => mirror(scene)));
  await step("a thin pool, thin_check", () => wearing(() => thin(scene)));
  await step("a volume moved under load", () => wearing(() => moved(scene)));
  await step("nobody has noticed", async () => {
    checkUnnoticed(log);
    await consistent(disks);
    for (const { remapped } of disks) {
      remapped.checkRelocations(LEAST_RELOCATED);
      checkEqual("sectors without content", remapped.counters().lost, 0);
    }
    progress(disks.map((d) => `${d.gone} bad, ${d.remapped.counters().remapped} moved`).join("; "));
  });
  await step("a leg that cannot be read is mended by its mirror", () => repaired(scene));
  await step("the same volumes in the next life", () => nextLife(scene));
}
