// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: gives the kernel one image after the other.
import { loadModule } from "../../cli/kmod/load.ts";
import { type Extent, EXTENT_STATES, hasSlot, shownAs } from "../../cli/metadata/extent.ts";
import { RemapDevice } from "../../cli/device/remap_device.ts";
import { toTarget } from "../../cli/device/table_line.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../suite/guest/process.ts";
import { progress, result } from "../suite/guest/records.ts";
import { HangError, within } from "../sweep/time.ts";
import { loadByTool } from "./campaign.ts";
import { readCases } from "./case_file.ts";
import { canonical } from "./images/table.ts";
import {
  BLOCK_SIZES,
  type Expected,
  type KernelCase,
  MAIN_SECTORS,
  SPARE_SIZES,
} from "./kernel_cases.ts";
import { MemoryWatch } from "./memory.ts";

const SECTOR = 512;
/** No device under test needs more to be served. */
const MOST_KILOBYTES = 16 * 1024;
const NAME = "fuzz";

interface Disk {
  readonly device: string;
  readonly file: string;
}

async function makeDisk(name: string, sectors: number, blockSize: number): Promise<Disk> {
  const file = `/tmp/${name}`;
  await Deno.writeFile(file, new Uint8Array(sectors * SECTOR));
  const size = ["--sector-size", `${blockSize}`];
  const device = await run("losetup", "--find", "--show", ...size, file);
  return { device: device.trim(), file };
}

/** The table as the kernel tells it: `canonical`, and the words that it has for states. */
async function tableOf(device: RemapDevice): Promise<string> {
  const extents: Extent[] = [];
  for await (const { sector, count, place, spareSector } of device.entries()) {
    extents.push({
      first: Number(sector),
      length: Number(count),
      slot: Number(spareSector ?? 0n),
      state: EXTENT_STATES.find((state) => state === place) ?? "main",
    });
  }
  return canonical(extents);
}

function parse(table: string): Extent[] {
  return table.trimEnd().split("\n").filter((line) => line !== "").map((line) => {
    const [, first, length, state, slot] = /^(\d+)\+(\d+) (\w+) (\d+)$/.exec(line) ?? [];
    return {
      first: Number(first),
      length: Number(length),
      slot: Number(slot),
      state: EXTENT_STATES.find((each) => each === state) ?? "main",
    };
  });
}

/** As `entries` would tell it. */
function told(table: string): string {
  return canonical(
    parse(table).filter(({ state }) => state !== "bad").map((extent) => ({
      ...extent,
      state: shownAs(extent.state),
    })),
  );
}

function badSectors(table: string): number {
  return parse(table).filter(({ state }) => state === "bad")
    .reduce((sum, { length }) => sum + length, 0);
}

function demand(is: unknown, shouldBe: unknown, what: string): void {
  if (is !== shouldBe) throw new Error(`${what} is:\n${is}\nbut should be:\n${shouldBe}`);
}

class Rig {
  constructor(
    readonly dm: DeviceMapper,
    readonly mains: ReadonlyMap<number, Disk>,
    readonly spares: ReadonlyMap<number, Disk>,
    readonly memory: MemoryWatch,
  ) {}

  async #create({ blockSectors, spareSectors }: KernelCase): Promise<Error | undefined> {
    const main = this.mains.get(blockSectors)!;
    const spare = this.spares.get(spareSectors)!;
    const target = toTarget({
      start: 0n,
      length: BigInt(MAIN_SECTORS),
      main: main.device,
      mainStart: 0n,
      spare: spare.device,
      spareStart: 0n,
      spareLength: BigInt(spareSectors),
      features: { maxRemaps: 0n },
    });
    try {
      await within(this.dm.createWithTable(NAME, [target]), "create");
      return undefined;
    } catch (error) {
      if (error instanceof HangError || !(error instanceof Error)) throw error;
      return error;
    }
  }

  async try(given: KernelCase): Promise<void> {
    const { file } = this.spares.get(given.spareSectors)!;
    // Past the loop device's cache, which nobody has filled.
    await Deno.writeFile(file, given.image);
    this.memory.start();
    const refusal = await this.#create(given);
    try {
      const { expected } = given;
      if (expected === undefined) {
        if (refusal === undefined) throw new Error("was not refused");
        const left = await Deno.readFile(file);
        if (!left.every((byte, at) => byte === given.image[at])) {
          throw new Error("was refused, but is not what it was");
        }
      } else {
        if (refusal !== undefined) throw new Error(`was refused: ${refusal.message}`);
        await this.#compare(expected);
      }
    } finally {
      if (refusal === undefined) await within(this.dm.remove(NAME, { retry: true }), "remove");
    }
    if (given.expected?.mode === "rw") this.#compareLeft(given.expected, await Deno.readFile(file));
    const grown = this.memory.grownKilobytes;
    if (grown > MOST_KILOBYTES) throw new Error(`took ${grown} KiB of the kernel's memory`);
  }

  async #compare({ table, mode }: Expected): Promise<void> {
    const device = RemapDevice.open(this.dm, NAME);
    demand(await within(tableOf(device), "entries"), told(table), "the table");
    const status = device.status();
    demand(status.mode, mode, "the mode");
    demand(Number(status.spareBad), badSectors(table), "the number of bad slots");
  }

  /** What a device leaves behind is what it was. */
  #compareLeft({ table, crowded }: Expected, image: Uint8Array<ArrayBuffer>): void {
    const left = loadByTool(image);
    if (left.refused !== undefined) {
      throw new Error(`left metadata behind that is: ${left.refused}`);
    }
    const without = (text: string) =>
      crowded ? canonical(parse(text).filter(({ state }) => hasSlot(state))) : text;
    demand(without(left.table), without(table), "the table that was left behind");
  }
}

/** What waits is shown in the kernel log, and the machine ends: nothing can be cleaned up any more. */
function giveUp(): never {
  for (const key of ["w", "o"]) Deno.writeTextFileSync("/proc/sysrq-trigger", key);
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}

async function makeRig(dm: DeviceMapper, memory: MemoryWatch): Promise<Rig> {
  const mains = new Map<number, Disk>();
  const spares = new Map<number, Disk>();
  for (const size of BLOCK_SIZES) {
    mains.set(size, await makeDisk(`main${size}`, MAIN_SECTORS, size * SECTOR));
  }
  for (const size of SPARE_SIZES) spares.set(size, await makeDisk(`spare${size}`, size, SECTOR));
  return new Rig(dm, mains, spares, memory);
}

await run("modprobe", "loop");
Deno.writeTextFileSync("/sys/kernel/rcu_expedited", "1");
await loadModule();
{
  using dm = DeviceMapper.open();
  using memory = new MemoryWatch();
  const rig = await makeRig(dm, memory);
  const cases = readCases(Deno.env.get("FUZZ_CASES") ?? ".");
  const failures: string[] = [];
  let refused = 0;
  let most = 0;
  for (const [index, given] of cases.entries()) {
    if (index % 50 === 0) progress(`image ${index} of ${cases.length}`);
    try {
      await rig.try(given);
      if (given.expected === undefined) refused++;
    } catch (error) {
      failures.push(`${given.name}: ${(error as Error).message}`);
      if (failures.length <= 10) progress(failures.at(-1)!);
      if (!(error instanceof HangError)) continue;
      result("images", failures.join("\n"));
      giveUp();
    }
    most = Math.max(most, memory.grownKilobytes);
  }
  progress(
    `${cases.length} images: ${refused} refused, ${cases.length - refused - failures.length} ` +
      `gave their table, ${failures.length} something else; at most ${most} KiB more in the kernel`,
  );
  result("images", failures.length === 0 ? undefined : failures.slice(0, 10).join("\n"));
  // A watch that does not look sees nothing.
  result("memory", memory.looks > cases.length ? undefined : `looked ${memory.looks} times only`);
}
await run("rmmod", "dm_remap");
