// SPDX-License-Identifier: GPL-2.0-only
// What a stage makes, it takes away again: also after a failure, also after Ctrl-C.
import { messageOf } from "./check.ts";

interface Made {
  readonly what: string;
  readonly undo: () => Promise<void> | void;
}

/** Some things that were made could not be taken away again. */
export class CleanupError extends Error {
  override readonly name = "CleanupError";

  constructor(readonly failures: readonly string[]) {
    super(`left behind: ${failures.join("; ")}`);
  }
}

/** Takes away what was made in it, the last thing first. */
export class Scope implements AsyncDisposable {
  readonly #made: Made[] = [];

  /** @param signal ends what goes on in the scope; taking things away is not ended by it. */
  constructor(readonly signal: AbortSignal = new AbortController().signal) {}

  /** Remembers how to take away what was just made. */
  defer(what: string, undo: () => Promise<void> | void): void {
    this.#made.push({ what, undo });
  }

  use<T extends Disposable>(what: string, resource: T): T {
    this.defer(what, () => resource[Symbol.dispose]());
    return resource;
  }

  /** @throws {CleanupError} naming what stays; everything else is gone then. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: string[] = [];
    for (let made = this.#made.pop(); made !== undefined; made = this.#made.pop()) {
      try {
        await made.undo();
      } catch (error) {
        failures.push(`${made.what} (${messageOf(error)})`);
      }
    }
    if (failures.length > 0) throw new CleanupError(failures);
  }
}
