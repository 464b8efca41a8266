// SPDX-License-Identifier: GPL-2.0-only
//
// Builds the modules of mutants one after the other in one folder, where only what differs from
// the one before is compiled. The commands then find them in their caches.
import { runCommand } from "./command.ts";
import type { Mutant } from "./patch.ts";
import type { Place } from "./tree.ts";

const LIMIT_SECONDS = 600;

/** The kernels that a command runs on. */
export function kernelsOf(command: readonly string[]): string[] {
  const named = command.flatMap((word, at) => command[at - 1] === "--kernel" ? [word] : []);
  return named.length > 0 ? named : ["6.1"];
}

export class Workshop implements AsyncDisposable {
  #last: Promise<unknown> = Promise.resolve();

  private constructor(readonly folder: string) {}

  static async open(): Promise<Workshop> {
    return new Workshop(await Deno.makeTempDir({ prefix: "dmremap-workshop-" }));
  }

  /** Whether it works is for the mutant's command to tell, which tries again if it did not. */
  async build({ command }: Mutant, place: Place, signal: AbortSignal): Promise<void> {
    // Only where there is something to build: the gate's own test has no module.
    const program = `${place.tree}/tests/mutants/build.ts`;
    if (!await Deno.stat(program).then(() => true, () => false)) return;
    const before = this.#last;
    const turn = Promise.withResolvers<void>();
    this.#last = turn.promise;
    await before;
    try {
      for (const kernel of kernelsOf(command)) {
        await runCommand(["deno", "run", "-A", "--no-check", program, this.folder, kernel], {
          cwd: place.tree,
          env: place.env,
          limitSeconds: LIMIT_SECONDS,
          enough: () => false,
          signal,
        });
      }
    } finally {
      turn.resolve();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
