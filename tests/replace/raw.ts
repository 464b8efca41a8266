// SPDX-License-Identifier: GPL-2.0-only
//
// The device sector by sector, behind the file system.
import { checkEqual } from "../../cli/selftest/check.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import { SystemError } from "../../ffi/errors.ts";
import { DISK_SECTORS, FS_SECTORS, RAW } from "./disks.ts";

const SECTOR = 512;

/** What a sector of the raw part holds: its number, many times. */
function stamp(sector: number, round: number): Uint8Array {
  const content = new Uint32Array(SECTOR / 4).fill(sector);
  content[0] = round;
  return new Uint8Array(content.buffer);
}

/** Of each sector, what it was written with last. */
export class RawPart {
  readonly #rounds = new Map<number, number>();

  /** @throws {SystemError} */
  async write(node: string, first: number, count: number, round: number): Promise<void> {
    using file = DirectFile.open(node, { write: true });
    const content = new Uint8Array(count * SECTOR);
    for (let i = 0; i < count; i++) content.set(stamp(first + i, round), i * SECTOR);
    await file.write(BigInt(first * SECTOR), content);
    await file.flush();
    for (let i = 0; i < count; i++) this.#rounds.set(first + i, round);
  }

  async fill(node: string): Promise<void> {
    for (let at = FS_SECTORS; at < DISK_SECTORS; at += 2048) {
      await this.write(node, at, Math.min(2048, DISK_SECTORS - at), 1);
    }
  }

  /** All sectors that were written; those of `errors` cannot be read, and no other. */
  async check(
    what: string,
    node: string,
    errors: readonly { readonly first: number; readonly count: number }[],
  ): Promise<void> {
    using file = DirectFile.open(node);
    const bad = new Set(
      errors.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i)),
    );
    for (let at = FS_SECTORS; at < DISK_SECTORS; at += 64) {
      const sectors = Array.from({ length: 64 }, (_, i) => at + i);
      if (sectors.some((sector) => bad.has(sector))) {
        for (const sector of sectors) await this.#checkSector(what, file, sector, bad.has(sector));
        continue;
      }
      const seen = await file.read(BigInt(at * SECTOR), 64 * SECTOR);
      for (const sector of sectors) {
        this.#compare(what, sector, seen.subarray((sector - at) * SECTOR));
      }
    }
  }

  async #checkSector(what: string, file: DirectFile, sector: number, isBad: boolean) {
    try {
      const seen = await file.read(BigInt(sector * SECTOR), SECTOR);
      checkEqual(`${what}: sector ${sector} can be read`, isBad, false);
      this.#compare(what, sector, seen);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      checkEqual(`${what}: sector ${sector} fails with ${error.code}`, isBad, true);
    }
  }

  #compare(what: string, sector: number, seen: Uint8Array): void {
    const wanted = stamp(sector, this.#rounds.get(sector) ?? 0);
    for (let i = 0; i < SECTOR; i += 4) {
      if (seen[i] === wanted[i] && seen[i + 1] === wanted[i + 1] && seen[i + 2] === wanted[i + 2]) {
        continue;
      }
      const words = new Uint32Array(seen.slice(0, 8).buffer);
      checkEqual(`${what}: content of sector ${sector}`, [...words], [
        ...new Uint32Array(wanted.slice(0, 8).buffer),
      ]);
    }
  }
}

/** What has no content before anything is written anew. */
export const WITHOUT_CONTENT = [RAW.pending, RAW.lost] as const;

export function countOf(ranges: readonly { readonly count: number }[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}

/** Places that a {@linkcode RawWriter} writes to, relocated ones among them. */
const BUSY = { first: RAW.remapped.first - 1000, count: 6000 } as const;
const AT_ONCE = 8;

/** Writes all the time, here and there, and knows what. */
export class RawWriter implements AsyncDisposable {
  #stopping = false;
  #writes = 0;
  readonly #work: Promise<void>;

  constructor(raw: RawPart, node: string, round: number) {
    this.#work = this.#run(raw, node, round);
    // Told when it is waited for.
    this.#work.catch(() => undefined);
  }

  async #run(raw: RawPart, node: string, round: number): Promise<void> {
    while (!this.#stopping) {
      // Steps that meet every place before they come back to the first.
      const place = (this.#writes * 389) % (BUSY.count / AT_ONCE);
      await raw.write(node, BUSY.first + place * AT_ONCE, AT_ONCE, round + this.#writes++);
    }
  }

  async stop(): Promise<number> {
    this.#stopping = true;
    await this.#work;
    return this.#writes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#work.catch(() => undefined);
  }
}
