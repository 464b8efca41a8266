// SPDX-License-Identifier: GPL-2.0-only

/** A fault that QEMU's blkdebug driver injects. A request that overlaps the sector fails whole. */
export interface DiskFault {
  readonly iotype?: "read" | "write" | "write-zeroes" | "discard" | "flush";
  /** 512-byte sector; without it every request of this type fails. */
  readonly sector?: number;
  /** 5 (EIO) unless told otherwise; 61 (ENODATA) is a medium error on a SCSI disk. */
  readonly errno?: number;
  /** Fail once, then work. */
  readonly once?: boolean;
  readonly event?: string;
  readonly state?: number;
}

/** A disk of the guest. */
export interface GuestDisk {
  /** An image or device of the host. */
  readonly path?: string;
  /** Instead of a path: an empty disk of this size, gone after the run. */
  readonly sizeBytes?: number;
  /** The guest finds the disk as /dev/lab/<serial>. Given as disk0, disk1... if it is left out. */
  readonly serial?: string;
  readonly bus?: "virtio" | "nvme" | "scsi";
  readonly faults?: readonly DiskFault[];
  readonly logicalBlockBytes?: number;
  readonly physicalBlockBytes?: number;
  readonly readOnly?: boolean;
}

/** A disk whose image exists. */
export type PlacedDisk = GuestDisk & { readonly path: string; readonly serial: string };

export interface QemuOptions {
  readonly image: string;
  readonly initramfs: string;
  readonly append: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** One CPU, whose clock counts instructions: timings repeat exactly. */
  readonly icount: boolean;
  /** One thread of the host for all CPUs: see `Kernel`. */
  readonly oneThread: boolean;
  /** Directories shared read-only over 9p: tag and path. */
  readonly shares: readonly { readonly tag: string; readonly path: string }[];
  readonly disks: readonly PlacedDisk[];
  /** Unix sockets, listened on by us, that become virtio-serial ports of the guest. */
  readonly ports: readonly { readonly name: string; readonly socket: string }[];
  /** Where the kernel log goes: our stdout, or a file (then stdin and stdout are the guest's hvc0). */
  readonly console: "stdout" | { readonly file: string };
}

/**
 * At boot, kernels count the ticks of a few milliseconds, and panic where there are none. There are
 * none for so long if the host has no CPU left for QEMU. The timer is there, so they need not ask.
 */
const TIMER_WORKS = "no_timer_check";

/** The arguments of qemu-system-x86_64. Software emulation: hardware help is not to be had everywhere. */
export function qemuArgs(options: QemuOptions): string[] {
  const append = `${TIMER_WORKS} ${options.append}`;
  return [
    ...["-machine", "q35", "-cpu", "max", "-m", `${options.memoryMiB}M`],
    ...cpuArgs(options),
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-kernel", options.image, "-initrd", options.initramfs, "-append", append],
    ...consoleArgs(options.console),
    ...options.shares.flatMap(({ tag, path }) => [
      "-virtfs",
      `local,path=${escapeCommas(path)},mount_tag=${tag},security_model=none,readonly=on,` +
      "multidevs=remap",
    ]),
    ...options.ports.flatMap(({ name, socket }, index) => [
      ...["-chardev", `socket,id=port${index},path=${escapeCommas(socket)},server=off`],
      ...["-device", `virtserialport,bus=serial.0,chardev=port${index},name=${name}`],
    ]),
    ...(options.disks.some((disk) => disk.bus === "scsi")
      ? ["-device", "virtio-scsi-pci,id=scsi"]
      : []),
    ...options.disks.flatMap(diskArgs),
  ];
}

function cpuArgs({ icount, oneThread, cpus }: QemuOptions): string[] {
  const accel = ["-accel", `tcg,thread=${icount || oneThread ? "single" : "multi"}`];
  return icount
    ? [...accel, "-smp", "1", "-icount", "shift=0,sleep=off"]
    : [...accel, "-smp", String(cpus)];
}

function consoleArgs(target: QemuOptions["console"]): string[] {
  const bus = ["-device", "virtio-serial-pci,id=serial,max_ports=8"];
  if (target === "stdout") {
    return ["-chardev", "stdio,id=log,signal=off", "-serial", "chardev:log", ...bus];
  }
  return [
    ...["-chardev", `file,id=log,path=${escapeCommas(target.file)}`, "-serial", "chardev:log"],
    ...bus,
    ...["-chardev", "stdio,id=terminal,signal=off"],
    ...["-device", "virtconsole,bus=serial.0,chardev=terminal"],
  ];
}

function diskArgs(disk: PlacedDisk, index: number): string[] {
  const id = `disk${index}`;
  return ["-blockdev", JSON.stringify(blockNode(disk, id)), "-device", deviceArg(disk, id)];
}

function blockNode(disk: PlacedDisk, id: string): Record<string, unknown> {
  const device = disk.path.startsWith("/dev/");
  const common = { discard: "unmap", "read-only": disk.readOnly ?? false };
  const file = {
    driver: device ? "host_device" : "file",
    filename: disk.path,
    // Nothing outlives the host in a test: its own flushes would only cost time.
    cache: { "no-flush": true },
    ...common,
  };
  if (!disk.faults || disk.faults.length === 0) {
    return { driver: "raw", "node-name": id, file, ...common };
  }
  return {
    driver: "blkdebug",
    "node-name": id,
    ...common,
    image: file,
    "inject-error": disk.faults.map((fault) => ({ event: "none", errno: 5, ...fault })),
  };
}

function deviceArg(disk: PlacedDisk, id: string): string {
  const blocks = [
    disk.logicalBlockBytes === undefined ? "" : `,logical_block_size=${disk.logicalBlockBytes}`,
    disk.physicalBlockBytes === undefined ? "" : `,physical_block_size=${disk.physicalBlockBytes}`,
  ].join("");
  const report = "werror=report,rerror=report";
  switch (disk.bus ?? "virtio") {
    case "virtio":
      return `virtio-blk-pci,drive=${id},serial=${disk.serial},${report}${blocks}`;
    case "nvme":
      return `nvme,drive=${id},serial=${disk.serial}${blocks}`;
    case "scsi":
      return `scsi-hd,bus=scsi.0,drive=${id},serial=${disk.serial},${report}${blocks}`;
  }
}

function escapeCommas(text: string): string {
  return text.replaceAll(",", ",,");
}
