// SPDX-License-Identifier: GPL-2.0-only
// A terminal that lives in memory, for tests.
import type { Terminal } from "./terminal.ts";

/** What a {@linkcode MemoryTerminal} starts with. */
export interface MemoryTerminalOptions {
  /** Whether all three streams claim to be a terminal. */
  readonly interactive?: boolean;
  /** Lines that stdin gives. */
  readonly input?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Keeps what was written. */
export class MemoryTerminal implements Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly columns = undefined;
  out = "";
  err = "";
  readonly #input: string[];
  readonly #env: Readonly<Record<string, string>>;

  constructor(options: MemoryTerminalOptions = {}) {
    const interactive = options.interactive ?? false;
    this.stdinIsTerminal = interactive;
    this.stdoutIsTerminal = interactive;
    this.stderrIsTerminal = interactive;
    this.#input = [...options.input ?? []];
    this.#env = options.env ?? {};
  }

  writeOut(text: string): void {
    this.out += text;
  }

  writeErr(text: string): void {
    this.err += text;
  }

  readLine(): Promise<string | undefined> {
    return Promise.resolve(this.#input.shift());
  }

  env(name: string): string | undefined {
    return this.#env[name];
  }
}
