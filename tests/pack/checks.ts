// SPDX-License-Identifier: GPL-2.0-only

/** Runs checks one after the other, a line each, and counts. */
export class Checks {
  #passed = 0;
  #failed = 0;

  constructor(readonly print: (line: string) => void) {}

  async check(name: string, body: () => void | Promise<void>): Promise<void> {
    try {
      await body();
      this.#passed++;
      this.print(`ok    ${name}`);
    } catch (error) {
      this.#failed++;
      this.print(`FAIL  ${name}`);
      const text = error instanceof Error ? error.stack ?? error.message : String(error);
      this.print(text.replaceAll(/^/gm, "      "));
    }
  }

  /** The last line; true if all passed and there were any. */
  finish(): boolean {
    this.print(`${this.#passed} passed, ${this.#failed} failed`);
    return this.#failed === 0 && this.#passed > 0;
  }
}

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  /** Only what `env` says, nothing of this process. */
  readonly clearEnv?: boolean;
  readonly cwd?: string;
  readonly stdin?: string;
}

/** Runs a program to its end; a bad end is an outcome like any other. */
export async function outcome(
  command: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { stdin, ...rest } = options;
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    ...rest,
    args,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // Both ends at once: a program that echoes would otherwise wait for its reader for ever.
  const [{ code, signal, stdout, stderr }] = await Promise.all([
    child.output(),
    stdin === undefined ? undefined : new Blob([stdin]).stream().pipeTo(child.stdin),
  ]);
  const decoder = new TextDecoder();
  return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
