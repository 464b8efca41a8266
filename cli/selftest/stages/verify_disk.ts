// SPDX-License-Identifier: GPL-2.0-only
// A disk whose content rots, or that reads it wrongly, without ever giving an error.
import { DirectFile } from "../../../ffi/direct_file.ts";
import type { DeviceMapper, TargetSpec } from "../../../ffi/libdevmapper.ts";
import { position, readSectors } from "../content.ts";
import { type LoopDisk, type LoopOptions, makeLoop } from "../loops.ts";
import { makeMapped, swapTable, target } from "../mapped.ts";
import type { Scope } from "../scope.ts";

/** Always down: what dm-flakey does, it does to every request. */
const ALWAYS = "0 3600";

export class RottenDisk {
  private constructor(
    private readonly dm: DeviceMapper,
    /** What goes under the remap device. */
    readonly disk: LoopDisk,
    private readonly below: string,
    /** The medium itself. */
    private readonly medium: DirectFile,
  ) {}

  static async make(
    scope: Scope,
    dm: DeviceMapper,
    directory: string,
    options: LoopOptions,
  ): Promise<RottenDisk> {
    const loop = await makeLoop(scope, directory, options);
    const medium = scope.use(loop.path, DirectFile.open(loop.path, { write: true }));
    const linear = (path: string) => [target("linear", 0, loop.sectors, `${path} 0`)];
    // Linux 6.1's dm-flakey damages nothing unless a driver like this one is right below it.
    const below = await makeMapped(scope, dm, "below", linear(loop.path));
    const top = await makeMapped(scope, dm, "rotten", linear(below.path));
    const disk = { ...loop, path: top.path, name: top.name };
    return new RottenDisk(dm, disk, below.path, medium);
  }

  /** Changes one bit of a sector, on the medium; twice is as it was. */
  async flip(sector: number): Promise<void> {
    const { blockSize } = this.disk;
    const first = Math.floor(sector * 512 / blockSize) * (blockSize / 512);
    const bytes = await readSectors(this.medium, first, blockSize / 512);
    const at = (sector - first) * 512 + 77;
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    await this.medium.write(position(first), bytes);
  }

  /** Makes every read of these sectors wrong; the medium holds the right bytes. */
  async misread(sectors: readonly number[]): Promise<void> {
    await this.#damage(sectors, "5 corrupt_bio_byte 1 r 0 0");
  }

  /** Makes some reads wrong, anywhere. Linux 6.9 and later can. */
  async misreadAtRandom(share: number): Promise<void> {
    const features = `2 random_read_corrupt ${Math.round(share * 1e9)}`;
    await this.#replace([
      target("flakey", 0, this.disk.sectors, `${this.below} 0 ${ALWAYS} ${features}`),
    ]);
  }

  /** Requests reach the medium so much later; the pages of a write are read only then. */
  async delay(ms: { readonly reads: number; readonly writes: number }): Promise<void> {
    const params = `${this.below} 0 ${ms.reads} ${this.below} 0 ${ms.writes}`;
    await this.#replace([target("delay", 0, this.disk.sectors, params)]);
  }

  /** Reads are right again, and nothing is delayed. What was flipped stays so. */
  async readRightly(): Promise<void> {
    await this.#replace(this.#linear(0, this.disk.sectors));
  }

  /** A segment for each sector: dm-flakey damages one byte of a request, wherever it is long. */
  async #damage(sectors: readonly number[], features: string): Promise<void> {
    const targets: TargetSpec[] = [];
    let at = 0;
    for (const sector of sectors) {
      if (sector > at) targets.push(...this.#linear(at, sector - at));
      const params = `${this.below} ${sector} ${ALWAYS} ${features}`;
      targets.push(target("flakey", sector, 1, params));
      at = sector + 1;
    }
    await this.#replace([...targets, ...this.#linear(at, this.disk.sectors - at)]);
  }

  #linear(first: number, count: number): TargetSpec[] {
    return [target("linear", first, count, `${this.below} ${first}`)];
  }

  async #replace(targets: readonly TargetSpec[]): Promise<void> {
    await swapTable(this.dm, this.disk.name, targets);
  }
}
