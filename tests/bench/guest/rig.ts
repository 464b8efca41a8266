// SPDX-License-Identifier: GPL-2.0-only
//
// The devices below, and what is done with them. Nothing here runs at the same time as a
// measurement: there is one CPU.
import { loadModule } from "../../../cli/kmod/load.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import type { CaseId, OperationName, RequestKind } from "../cases.ts";
import { FioError, parseFio } from "../fio.ts";
import type { Measurement } from "../measurements.ts";
import { parseSlabinfo, slabBytes } from "../slabinfo.ts";

/** Sectors of main that are written, and that I/O goes to: 250 MiB. */
export const MEASURED_SECTORS = 512_000;
/** How far apart entries lie when one 4 KiB I/O in 64 is to meet one. */
export const ENTRY_DISTANCE = 512;
/** An odd sector in its block: an I/O that meets it is cut in three. */
export const ENTRY_OFFSET = 3;

/** Far more than is ever written: a brd holds the pages that were written. */
const RAM_KIB = 40 << 20;
/** No more than the smallest area has blocks: fio ends when it has covered an area once. */
const IO_COUNT = 16_000;

export class CommandError extends Error {
  override readonly name = "CommandError";
}

export function run(command: string, ...args: string[]): string {
  const { code, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  const decoder = new TextDecoder();
  if (code !== 0) {
    throw new CommandError(`${command} ${args.join(" ")}: ${code}\n${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

export function wait(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** Where the I/O goes to. */
export interface Load {
  readonly case: CaseId;
  readonly device: string;
  /** All that is written, unless told. */
  readonly first?: number;
  readonly sectors?: number;
}

/** A line of a stitched table: device, first sector there, sectors. */
export type Segment = readonly [device: string, first: number, sectors: number];

export class Rig implements Disposable {
  readonly main = "/dev/ram0";
  readonly spare = "/dev/ram1";
  /** A spare that keeps nothing, for when only the table counts. */
  readonly sink = "/dev/nullb0";

  private constructor(readonly dm: DeviceMapper, private readonly channel: Deno.FsFile) {}

  /** Loads the drivers and fills the RAM disks: pages that were never written read cheaper. */
  static async open(): Promise<Rig> {
    run("modprobe", "brd", "rd_nr=2", `rd_size=${RAM_KIB}`);
    run("modprobe", "null_blk", "nr_devices=1", "gb=40", "bs=512", "queue_mode=0", "irqmode=0");
    await loadModule();
    for (const disk of ["/dev/ram0", "/dev/ram1"]) {
      const count = MEASURED_SECTORS / 2048;
      run("dd", "if=/dev/zero", `of=${disk}`, "bs=1M", `count=${count}`, "oflag=direct");
    }
    const channel = Deno.openSync(Deno.env.get("DMREMAP_CHANNEL") ?? "", { write: true });
    return new Rig(DeviceMapper.open(), channel);
  }

  record(measurement: Measurement): void {
    this.channel.writeSync(new TextEncoder().encode(`${JSON.stringify(measurement)}\n`));
  }

  createLinear(name: string, segments: readonly Segment[]): void {
    let start = 0;
    const table = segments.map(([device, first, sectors]) => {
      const line = `${start} ${sectors} linear ${device} ${first}`;
      start += sectors;
      return line;
    });
    const file = "/tmp/table";
    Deno.writeTextFileSync(file, table.join("\n"));
    run("dmsetup", "create", name, file);
  }

  createRemap(name: string, sectors: number, spare: string, spareSectors: number): void {
    const params = `${this.main} 0 ${spare} 0 ${spareSectors} 3 volatile max_remaps 0`;
    run("dmsetup", "create", name, "--table", `0 ${sectors} remap ${params}`);
  }

  remove(name: string): void {
    run("dmsetup", "remove", "--retry", name);
  }

  /** Relocates single sectors, or runs of `sectors`, with one message. */
  async remap(name: string, firsts: readonly number[], sectors = 1): Promise<void> {
    const ranges = firsts.map((first) => `${first} ${sectors}`).join(" ");
    const reply = await this.dm.message(name, 0n, `remap ${ranges}`);
    const expected = `remapped=${firsts.length * sectors} lost=0`;
    if (reply !== expected) throw new CommandError(`${name}: ${reply} instead of ${expected}`);
  }

  /**
   * The same, with the time that it took from here and back. No program may start meanwhile: the
   * CPU would wait for the host's files, and the clock runs ahead while it waits.
   */
  async timeRemap(
    request: RequestKind,
    name: string,
    firsts: readonly number[],
    sectors = 1,
  ): Promise<void> {
    const started = performance.now();
    await this.remap(name, firsts, sectors);
    const instructions = Math.round((performance.now() - started) * 1e6);
    this.record({ kind: "request", request, sectors: firsts.length * sectors, instructions });
  }

  /** Without copying back: what lies on main is of no interest here, and stays where it is. */
  async clear(name: string): Promise<void> {
    run("dmsetup", "message", name, "0", "clear force");
    await wait(2000);
  }

  /** Measures reads, then writes. */
  async measure({ case: id, device, first = 0, sectors = MEASURED_SECTORS }: Load): Promise<void> {
    for (const operation of ["read", "write"] as const) {
      // Whatever was put off (RCU, this program's own housekeeping) is done before, not meanwhile.
      await wait(500);
      const { meanNs, shortestNs, count } = fio(device, first, sectors, operation);
      this.record({
        kind: "io",
        case: id,
        operation,
        instructions: meanNs,
        shortest: shortestNs,
        count,
      });
    }
  }

  /**
   * Reads a remap device with large plain requests, then scans it. Both tell themselves how long
   * that took: dd, and the kernel's log, so that no start of a program and no waiting counts.
   */
  async measureScan(name: string, sectors: number): Promise<void> {
    const count = sectors / 2048;
    const plain = run(
      "sh",
      "-c",
      `LC_ALL=C dd if=/dev/mapper/${name} of=/dev/null bs=1M ` +
        `count=${count} iflag=direct 2>&1`,
    );
    const plainSeconds = Number(/copied, ([\d.]+) s/.exec(plain)?.[1]);
    await wait(500);
    await this.dm.message(name, 0n, `scan 0 ${sectors - 1}`);
    await wait(5000);
    const log = run("dmesg");
    const at = (words: string) => {
      const line = new RegExp(`^\\[ *([\\d.]+)\\].* ${name}: scan of sectors .* ${words}`, "gm");
      return Number([...log.matchAll(line)].at(-1)?.[1]);
    };
    const seconds = at("done") - at("started");
    if (!(seconds > 0 && plainSeconds > 0)) {
      throw new CommandError(`no times of a scan and of plain reads: ${seconds}, ${plainSeconds}`);
    }
    this.record({
      kind: "scan",
      sectors,
      plain_instructions: Math.round(plainSeconds * 1e9),
      instructions: Math.round(seconds * 1e9),
    });
  }

  /** What the nodes of all maple trees take: freed ones are gone after a while. */
  async nodeBytes(): Promise<number> {
    await wait(3000);
    const cache = parseSlabinfo(Deno.readTextFileSync("/proc/slabinfo"), "maple_node");
    if (cache === undefined) throw new CommandError("/proc/slabinfo has no maple_node");
    return slabBytes(cache);
  }

  [Symbol.dispose](): void {
    this.channel.close();
    this.dm[Symbol.dispose]();
  }
}

function fio(device: string, first: number, sectors: number, operation: OperationName) {
  const output = run(
    "fio",
    "--name=bench",
    `--filename=${device}`,
    `--rw=rand${operation}`,
    `--offset=${first * 512}`,
    `--size=${sectors * 512}`,
    "--direct=1",
    "--bs=4k",
    "--ioengine=psync",
    "--norandommap",
    "--randseed=7",
    `--number_ios=${IO_COUNT}`,
    "--output-format=json",
  );
  const result = parseFio(output, operation);
  if (result.count !== IO_COUNT) throw new FioError(`fio did ${result.count} I/Os`);
  return result;
}
