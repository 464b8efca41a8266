// SPDX-License-Identifier: GPL-2.0-only
/**
 * Boots a machine through the target: `deno run -A tests/boot/host.ts [--kernel ID] [--tool FILE]
 * [--module FILE]`.
 *
 * A root disk and a data disk get the layer, and some of their files are relocated: systemd itself
 * among them. Then rubbish is written to the old place of all that is relocated, so that nothing
 * works that does not come through the target. The machine boots twice, with an initramfs that
 * Debian's mkinitramfs wrote and with Debian's systemd as its init; both know of the target by the
 * files of deploy/ only. The root comes up in the initramfs; the data disk, whose driver is not in
 * there, by the unit file. In between the disks change their places, and the machine reboots.
 *
 * Simpler than a real machine: no boot loader, and mkinitramfs runs on the host.
 */
import { join } from "node:path";
import { buildModule } from "../../cli/kmod/build.ts";
import type { Log } from "../../cli/lab/exec.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel, type Kernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, GUEST_PACKAGES, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import type { PlacedDisk } from "../../cli/lab/qemu_args.ts";
import { makeInitramfs } from "./initramfs.ts";
import { type Boot, boot } from "./machine.ts";
import { asReport, bootProblems, type Expected, type Report } from "./report.ts";
import { ROOT_PACKAGES } from "./root_files.ts";
import { makeImage, makeRoot } from "./root_image.ts";
import { type PreparedSet, scribble, takePrepared } from "./scribble.ts";

const MIB = 1024 * 1024;
const root = join(import.meta.dirname ?? ".", "..", "..");
const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(`${text}\n`));
const log: Log = (text) => Deno.stderr.writeSync(encoder.encode(`${text.trimEnd()}\n`));

const NAMES = ["rootmain", "rootspare", "datamain", "dataspare"] as const;
const SIZES = { rootspare: 32, datamain: 64, dataspare: 16 } as const;
const APPEND = "root=/dev/mapper/root ro systemd.show_status=0 quiet loglevel=5 net.ifnames=0";

function option(name: string, fallback: string): string {
  const at = Deno.args.indexOf(name);
  return at < 0 ? fallback : Deno.args[at + 1] ?? fallback;
}

/** The root disk on a bus whose driver is in the initramfs, the data disk on another one. */
function disks(folder: string, order: readonly (typeof NAMES)[number][]): PlacedDisk[] {
  return order.map((serial) => ({
    path: join(folder, `${serial}.img`),
    serial,
    bus: serial.startsWith("root") ? "virtio" : "scsi",
  }));
}

async function prepare(folder: string, kernel: Kernel, tool: string, module: string) {
  for (const [name, mebibytes] of Object.entries(SIZES)) {
    const path = join(folder, `${name}.img`);
    await Deno.writeFile(path, new Uint8Array());
    await Deno.truncate(path, mebibytes * MIB);
  }
  const script = join(import.meta.dirname ?? ".", "guest/prepare.sh");
  const result = await runGuest({
    kernel,
    module,
    argv: ["/bin/bash", script],
    env: { PATH: `${folder}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin` },
    disks: disks(folder, NAMES),
    share: [folder, tool.slice(0, tool.lastIndexOf("/"))],
    timeoutSeconds: 450,
    kmemleak: false,
    onStdout: log,
    log,
  });
  const failure = guestFailure(result);
  if (failure !== undefined) throw new Error(failure);
  return takePrepared(result.stdout);
}

async function machine(folder: string): Promise<{
  readonly boots: readonly Boot[];
  readonly prepared: ReadonlyMap<string, PreparedSet>;
}> {
  const kernel = await ensureKernel(option("--kernel", "6.1"), log);
  const tool = await Deno.realPath(option("--tool", join(root, "dist/dmremap-ts")));
  const given = option("--module", "");
  const module = given !== ""
    ? await Deno.realPath(given)
    : (await buildModule({ kdir: kernel.kdir, release: kernel.release })).path;
  const staged = join(folder, "root");
  await Deno.mkdir(staged);
  await makeRoot(staged, kernel, tool, module);
  await makeInitramfs(staged, kernel, join(folder, "initrd"), log);
  await makeImage(staged, join(folder, "rootmain.img"), 384 * MIB);
  await Deno.symlink(tool, join(folder, "dmremap-ts"));
  const prepared = await prepare(folder, kernel, tool, module);
  for (const [name, set] of prepared) scribble(join(folder, `${name}main.img`), set);
  const boots: Boot[] = [];
  for (const order of [NAMES, [...NAMES].reverse()]) {
    const each = await boot({
      kernel,
      initramfs: join(folder, "initrd"),
      append: APPEND,
      disks: disks(folder, order),
      timeoutSeconds: 600,
    });
    log(`booted and went down in ${each.seconds.toFixed(0)} s`);
    boots.push(each);
    if (each.reports.length === 0) break;
  }
  return { boots, prepared };
}

async function main(): Promise<number> {
  await ensurePackages([
    ...GUEST_PACKAGES,
    ...STAGE_PACKAGES,
    ...ROOT_PACKAGES,
    ...["initramfs-tools", "zstd"],
  ], log);
  const folder = await Deno.makeTempDir({ prefix: "dmremap-boot-" });
  try {
    const { boots, prepared } = await machine(folder);
    let [passed, failed] = [0, 0];
    let before: Report | undefined;
    for (const [index, each] of boots.entries()) {
      const report = asReport(each.reports[0]);
      const expected: Expected = { boot: index + 1, prepared, ...before ? { before } : {} };
      const problems = [...each.problems, ...bootProblems(report, expected)];
      if (problems.length === 0) passed++;
      else failed++;
      say(`${problems.length === 0 ? "ok   " : "FAIL "} boot ${index + 1}, both file systems`);
      for (const problem of problems) say(problem.replaceAll(/^/gm, "      "));
      if (problems.length > 0) log(each.console.split("\n").slice(-80).join("\n"));
      before = report;
    }
    say(`${passed} passed, ${failed + 2 - boots.length} failed`);
    return failed === 0 && boots.length === 2 ? 0 : 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.exit(await main());
