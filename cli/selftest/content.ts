// SPDX-License-Identifier: GPL-2.0-only
// What a device has to hold, sector by sector, and the I/O that keeps it so.
import type { DirectFile } from "../../ffi/direct_file.ts";
import { CheckError, checkFails } from "./check.ts";
import { fillSectors, findMismatch, type Generation, SECTOR } from "./pattern.ts";

/** Sectors in one request where many are read or written. */
const STEP = 1024;

let lastGeneration: Generation = 0;

/** A generation that nothing on any disk of this process is from. */
export function newGeneration(): Generation {
  return ++lastGeneration;
}

/** The expected content of a device. */
export class Content {
  readonly #generations: Uint32Array;

  constructor(readonly sectors: number) {
    this.#generations = new Uint32Array(sectors);
  }

  generation(sector: number): Generation {
    return this.#generations[sector] ?? 0;
  }

  set(first: number, count: number, generation: Generation): void {
    this.#generations.fill(generation, first, first + count);
  }

  /** The same expectation, to be kept while this one goes on. */
  copy(): Content {
    const copy = new Content(this.sectors);
    copy.#generations.set(this.#generations);
    return copy;
  }

  /** Writes new content in one request, or in steps if it is long. */
  async write(file: DirectFile, first: number, count: number, offset = 0): Promise<void> {
    const generation = newGeneration();
    for (let at = first; at < first + count; at += STEP) {
      const part = Math.min(STEP, first + count - at);
      const bytes = new Uint8Array(part * SECTOR);
      fillSectors(bytes, at, () => generation);
      await file.write(position(at + offset), bytes);
      this.set(at, part, generation);
    }
  }

  /**
   * Reads sectors and compares them.
   * @param offset what to add for the sector in the file
   * @throws {CheckError} naming the first wrong sector
   */
  async check(
    what: string,
    file: DirectFile,
    first = 0,
    count = this.sectors,
    offset = 0,
  ): Promise<void> {
    for (let at = first; at < first + count; at += STEP) {
      const part = Math.min(STEP, first + count - at);
      const bytes = await readSectors(file, at + offset, part);
      const mismatch = findMismatch(bytes, at, (sector) => this.generation(sector));
      if (mismatch === undefined) continue;
      const request = count === 1 ? "" : `, in a read of ${at}+${part}`;
      throw new CheckError(
        `${what}: sector ${mismatch.sector}${request}`,
        mismatch.expected,
        mismatch.seen,
      );
    }
  }
}

export function position(sector: number): bigint {
  return BigInt(sector) * BigInt(SECTOR);
}

/** Reads exactly so many sectors. */
export async function readSectors(
  file: DirectFile,
  first: number,
  count: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await file.read(position(first), count * SECTOR);
  if (bytes.length === count * SECTOR) return bytes;
  throw new CheckError(
    `read of sectors ${first}+${count} of ${file.path}`,
    `${count * SECTOR} bytes`,
    `${bytes.length} bytes`,
  );
}

/** Sectors whose content is lost: each gives EIO, by itself. */
export async function checkLost(
  what: string,
  file: DirectFile,
  first: number,
  count: number,
): Promise<void> {
  for (let sector = first; sector < first + count; sector++) {
    await checkFails(`${what}: read of sector ${sector}`, "EIO", () => {
      return readSectors(file, sector, 1).then((bytes) => {
        return bytes.every((byte) => byte === 0) ? "zeros" : "bytes";
      });
    });
  }
}
