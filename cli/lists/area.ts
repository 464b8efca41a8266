// SPDX-License-Identifier: GPL-2.0-only

/** Some bytes of a disk, as other programs' lists name them. */
export interface Area {
  readonly start: bigint;
  readonly length: bigint;
}

/** More than any spare could take, and still to be held in memory. */
export const MAX_AREAS = 8_000_000;

/** A list that cannot be meant as it is. */
export class ListError extends Error {
  override readonly name = "ListError";

  constructor(
    /** Counted from 1. */
    readonly line: number,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`line ${line}: ${reason}`, options);
  }
}

/** Collects areas as they come; those that follow each other become one. */
export class AreaCollector {
  readonly areas: Area[] = [];
  #start = 0n;
  #end = 0n;

  /** @throws {ListError} if there are too many */
  add(start: bigint, length: bigint, line: number): void {
    if (start >= this.#start && start <= this.#end && this.#end > this.#start) {
      if (start + length > this.#end) this.#end = start + length;
      return;
    }
    this.#close(line);
    this.#start = start;
    this.#end = start + length;
  }

  /** All of them, in the order in which they came. */
  finish(line: number): Area[] {
    this.#close(line);
    this.#start = this.#end = 0n;
    return this.areas;
  }

  #close(line: number): void {
    if (this.#end === this.#start) return;
    if (this.areas.length >= MAX_AREAS) {
      throw new ListError(line, `more than ${MAX_AREAS} separate areas`);
    }
    this.areas.push({ start: this.#start, length: this.#end - this.#start });
  }
}
