// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { qemuArgs, type QemuOptions } from "./qemu_args.ts";

const BASE: QemuOptions = {
  image: "/boot/vmlinuz",
  initramfs: "/tmp/x/initramfs",
  append: "console=ttyS0",
  memoryMiB: 1024,
  cpus: 2,
  icount: false,
  oneThread: false,
  shares: [{ tag: "host", path: "/a,b" }],
  disks: [],
  ports: [{ name: "lab.stdout", socket: "/tmp/x/stdout" }],
  console: "stdout",
};

/** The values that follow an option. */
function values(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, index) => arg === option ? [args[index + 1] ?? ""] : []);
}

Deno.test("the clock that counts instructions has one CPU", () => {
  const counting = qemuArgs({ ...BASE, icount: true });
  assert.deepEqual(values(counting, "-icount"), ["shift=0,sleep=off"]);
  assert.deepEqual(values(counting, "-smp"), ["1"]);
  const plain = qemuArgs(BASE);
  assert.deepEqual(values(plain, "-icount"), []);
  assert.deepEqual(values(plain, "-smp"), ["2"]);
});

Deno.test("CPUs have a thread each, or one for all of them", () => {
  assert.deepEqual(values(qemuArgs(BASE), "-accel"), ["tcg,thread=multi"]);
  const one = qemuArgs({ ...BASE, oneThread: true });
  assert.deepEqual(values(one, "-accel"), ["tcg,thread=single"]);
  assert.deepEqual(values(one, "-smp"), ["2"]);
  const counting = qemuArgs({ ...BASE, icount: true });
  assert.deepEqual(values(counting, "-accel"), ["tcg,thread=single"]);
});

Deno.test("the kernel does not doubt its timer on a host that is short of time", () => {
  assert.deepEqual(values(qemuArgs(BASE), "-append"), ["no_timer_check console=ttyS0"]);
});

Deno.test("shares are read-only, and a comma in a path stays in the path", () => {
  assert.deepEqual(values(qemuArgs(BASE), "-virtfs"), [
    "local,path=/a,,b,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
  ]);
});

Deno.test("a disk without faults is a plain image", () => {
  const args = qemuArgs({ ...BASE, disks: [{ path: "/d.img", serial: "main" }] });
  const node = JSON.parse(values(args, "-blockdev")[0] ?? "") as Record<string, unknown>;
  assert.equal(node.driver, "raw");
  assert.equal(node["node-name"], "disk0");
  assert.ok(
    args.includes("virtio-blk-pci,drive=disk0,serial=main,werror=report,rerror=report"),
  );
});

Deno.test("faults become blkdebug rules, EIO unless told otherwise", () => {
  const faults = [{ iotype: "write", sector: 100 }, { sector: 5, errno: 61, once: true }] as const;
  const args = qemuArgs({
    ...BASE,
    disks: [{ path: "/d.img", serial: "main", bus: "scsi", faults }],
  });
  const node = JSON.parse(values(args, "-blockdev")[0] ?? "") as Record<string, unknown>;
  assert.equal(node.driver, "blkdebug");
  assert.deepEqual(node["inject-error"], [
    { event: "none", errno: 5, iotype: "write", sector: 100 },
    { event: "none", errno: 61, sector: 5, once: true },
  ]);
  assert.ok(args.includes("virtio-scsi-pci,id=scsi"));
  assert.ok(
    args.includes("scsi-hd,bus=scsi.0,drive=disk0,serial=main,werror=report,rerror=report"),
  );
});

Deno.test("block sizes and host devices", () => {
  const disk = { path: "/dev/loop0", serial: "n", bus: "nvme", logicalBlockBytes: 4096 } as const;
  const args = qemuArgs({ ...BASE, disks: [disk] });
  const node = JSON.parse(values(args, "-blockdev")[0] ?? "") as { file: { driver: string } };
  assert.equal(node.file.driver, "host_device");
  assert.ok(args.includes("nvme,drive=disk0,serial=n,logical_block_size=4096"));
});

Deno.test("with a person at the terminal, the kernel log goes to a file", () => {
  const args = qemuArgs({ ...BASE, console: { file: "/tmp/x/log" } });
  assert.ok(args.includes("file,id=log,path=/tmp/x/log"));
  assert.ok(args.includes("virtconsole,bus=serial.0,chardev=terminal"));
});
