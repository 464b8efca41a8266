// SPDX-License-Identifier: GPL-2.0-only
import { BLOCK_SIZE, ENTRY_SIZE, HEADER_SIZE } from "./format.ts";
import type { Problem } from "./problem.ts";

/** More than that nobody reads, and a damaged disk may have a million. */
const MOST = 100;

/** What a check collects: problems, each with its place and its cure, and notes. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly notes: string[] = [];
  #unlisted = 0;

  constructor(
    /** As the user named it, for the commands that help. */
    readonly path: string,
  ) {}

  get areAny(): boolean {
    return this.problems.length > 0;
  }

  /** Something about one block, or about one of its entries. */
  block(code: string, block: number, message: string, entry?: number): void {
    this.add(code, entry === undefined ? placeOf(block) : entryPlaceOf(block, entry), message);
  }

  add(code: string, where: string, message: string, cure = this.repair()): void {
    if (this.problems.length < MOST) this.problems.push({ code, where, message, cure });
    else this.#unlisted++;
  }

  note(text: string): void {
    this.notes.push(text);
  }

  /** The command that mends what can be mended. */
  repair(): string {
    return `run: dmremap-ts meta repair ${shellWord(this.path)} --output OTHER (or --in-place)`;
  }

  /** When all is said. */
  close(): void {
    if (this.#unlisted > 0) this.note(`${this.#unlisted} more problems are not listed`);
    this.#unlisted = 0;
  }
}

/** A path as it is typed. */
function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** `block 17 (byte 69632)` */
export function placeOf(block: number): string {
  return `block ${block} (byte ${block * BLOCK_SIZE})`;
}

function entryPlaceOf(block: number, entry: number): string {
  const byte = block * BLOCK_SIZE + HEADER_SIZE + entry * ENTRY_SIZE;
  return `block ${block}, entry ${entry} (byte ${byte})`;
}
