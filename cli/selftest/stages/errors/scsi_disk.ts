// SPDX-License-Identifier: GPL-2.0-only
// scsi_debug: medium errors on reads, time-outs, transport errors, and disks that go offline.
import type { LoopDisk } from "../../loops.ts";
import type { Scope } from "../../scope.ts";
import { exists, missing, until, useDriver } from "./here.ts";

const DRIVER = "/sys/bus/pseudo/drivers/scsi_debug";
const PARAMETERS = "/sys/module/scsi_debug/parameters";
const SECTORS = 2048;

/** Bits of `opts`. */
const OPT_MEDIUM = 2;
export const OPT_TIMEOUT_MEDIUM_ACCESS = 128;
export const OPT_TRANSPORT = 16;

export class ScsiDisk implements LoopDisk {
  readonly sectors = SECTORS;
  readonly blockSize = 512;

  private constructor(
    /** As the kernel names it, e.g. `0:0:0:0`. */
    private readonly address: string,
    readonly name: string,
  ) {}

  static async make(scope: Scope): Promise<ScsiDisk> {
    if (exists(DRIVER)) throw missing("the driver scsi_debug, not in use by anybody else,");
    // Nobody loads the driver for disks where there is no udev.
    await useDriver(scope, "sd_mod");
    await useDriver(scope, "scsi_debug", ["dev_size_mb=1", "ndelay=1000"]);
    return await ScsiDisk.#find();
  }

  static async #find(): Promise<ScsiDisk> {
    let found: { address: string; name: string } | undefined;
    await until("a disk of scsi_debug", () => found = findDisk());
    if (found === undefined) throw missing("a disk of scsi_debug");
    const disk = new ScsiDisk(found.address, found.name);
    // The node is there before the kernel lets anybody open it (block/genhd.c, device_add_disk()).
    await until(`${disk.path} and its settings`, () => opens(disk.path) && exists(disk.#settings));
    // The first time-out counts, and it comes soon.
    await Deno.writeTextFile(`${disk.#settings}/max_retries`, "0");
    await disk.#write("timeout", "1");
    return disk;
  }

  get path(): string {
    return `/dev/${this.name}`;
  }
  get #settings(): string {
    return `/sys/class/scsi_disk/${this.address}`;
  }

  #write(file: string, value: string): Promise<void> {
    return Deno.writeTextFile(`/sys/class/scsi_device/${this.address}/device/${file}`, value);
  }

  /** Reads of these sectors give medium errors; writes do not heal them. */
  async failReads(first: number, count: number): Promise<void> {
    await Deno.writeTextFile(`${PARAMETERS}/medium_error_start`, `${first}`);
    await Deno.writeTextFile(`${PARAMETERS}/medium_error_count`, `${count}`);
    await setDriver("opts", OPT_MEDIUM);
  }

  /** Every n-th command goes wrong in this way. */
  async failEvery(nth: number, opts: number): Promise<void> {
    await setDriver("opts", opts);
    await setDriver("every_nth", nth);
  }

  async heal(): Promise<void> {
    await setDriver("every_nth", 0);
    await setDriver("opts", 0);
  }

  /** As the SCSI layer does it to a disk that no error handling brings back; `running` undoes it. */
  setState(state: "offline" | "running"): Promise<void> {
    return this.#write("state", `${state}\n`);
  }

  /** Unplugs it. */
  delete(): Promise<void> {
    return this.#write("delete", "1");
  }

  /** Plugs it in again, with what it held: another device for the kernel, of another name maybe. */
  async plugIn(): Promise<ScsiDisk> {
    const [host] = this.address.split(":");
    await Deno.writeTextFile(`/sys/class/scsi_host/host${host}/scan`, "- - -");
    return await ScsiDisk.#find();
  }
}

function opens(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

function setDriver(attribute: string, value: number): Promise<void> {
  return Deno.writeTextFile(`${DRIVER}/${attribute}`, `${value}`, { create: false });
}

/** The disk below the driver's adapter, once it is there. */
function findDisk(): { address: string; name: string } | undefined {
  const adapter = "/sys/bus/pseudo/devices/adapter0";
  const entries = (path: string) =>
    exists(path) ? [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory) : [];
  for (const { name: host } of entries(adapter)) {
    for (const { name: target } of entries(`${adapter}/${host}`)) {
      if (!target.startsWith("target")) continue;
      for (const { name: address } of entries(`${adapter}/${host}/${target}`)) {
        const block = entries(`${adapter}/${host}/${target}/${address}/block`)[0];
        if (block !== undefined) return { address, name: block.name };
      }
    }
  }
  return undefined;
}
