// SPDX-License-Identifier: GPL-2.0-only
// Programs that write files while sectors under them move.
import { join } from "node:path";
import { Random } from "../random.ts";
import { together } from "../tasks.ts";
import { digest, type Digests } from "./real_files.ts";

const WRITERS = 4;
/** Files that each writer makes and deletes again. */
const OWN_FILES = 5;

/** Rewrites files in place, and makes, grows and deletes others; keeps the digests true. */
export class FileWriters {
  written = 0;
  #stopped = false;
  readonly #rounds: number[] = Array.from({ length: WRITERS }, () => 0);
  #round = Promise.withResolvers<void>();

  constructor(
    private readonly folder: string,
    private readonly names: readonly string[],
    private readonly digests: Digests,
    private readonly seed: number,
  ) {}

  async run(): Promise<void> {
    const writers = Array.from({ length: WRITERS }, (_, writer) => this.#write(writer));
    try {
      await together(writers.map((each) => this.#stopOnFailure(each)));
    } finally {
      this.#round.resolve();
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Waits until every file has been rewritten once more. */
  nextRound(): Promise<void> {
    return this.#stopped ? Promise.resolve() : this.#round.promise;
  }

  async #stopOnFailure(writer: Promise<void>): Promise<void> {
    try {
      await writer;
    } catch (error) {
      this.#stopped = true;
      this.#round.resolve();
      throw error;
    }
  }

  async #write(writer: number): Promise<void> {
    const random = new Random(this.seed + 31 * writer);
    const own = this.names.filter((_, index) => index % WRITERS === writer);
    for (let round = 0; !this.#stopped; round++) {
      for (const name of own) {
        if (this.#stopped) return;
        await this.#rewrite(name, random);
      }
      await this.#churn(`w${writer}-${round % OWN_FILES}`, random);
      this.#endRound(writer);
    }
  }

  #endRound(writer: number): void {
    const before = Math.min(...this.#rounds);
    this.#rounds[writer] = (this.#rounds[writer] ?? 0) + 1;
    if (Math.min(...this.#rounds) === before) return;
    this.#round.resolve();
    this.#round = Promise.withResolvers();
  }

  /** Other bytes in the same blocks. */
  async #rewrite(name: string, random: Random): Promise<void> {
    const path = join(this.folder, name);
    using file = await Deno.open(path, { read: true, write: true });
    const { size } = await file.stat();
    const bytes = randomBytes(random, size);
    await writeAll(file, bytes);
    await file.syncData();
    this.digests.set(name, await digest(bytes));
    this.written++;
  }

  /** A new file in place of an old one, grown once. */
  async #churn(name: string, random: Random): Promise<void> {
    const path = join(this.folder, name);
    this.digests.delete(name);
    await Deno.remove(path).catch(() => {});
    const bytes = randomBytes(random, random.between(1, 100_000));
    using file = await Deno.open(path, { write: true, createNew: true });
    const half = bytes.length >> 1;
    await writeAll(file, bytes.subarray(0, half));
    await file.sync();
    await writeAll(file, bytes.subarray(half));
    this.digests.set(name, await digest(bytes));
    this.written++;
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
}

function randomBytes(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let word = random.next();
  for (let index = 0; index < words.length; index++) {
    word = Math.imul(word, 0x19660d) + 0x3c6ef35f | 0;
    words[index] = word;
  }
  return new Uint8Array(words.buffer).subarray(0, length);
}
