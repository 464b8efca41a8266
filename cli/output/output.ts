// SPDX-License-Identifier: GPL-2.0-only
// What a command says, and where: data on stdout, everything else on stderr.
import { type JsonFields, toJson } from "./json.ts";
import type { Terminal } from "./terminal.ts";
import type { Units } from "./units.ts";

/** The options that every command takes. */
export interface OutputOptions {
  readonly json: boolean;
  readonly units: Units;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

/** Names of the colours, by what they mean. */
export type Tone = "good" | "doubtful" | "bad" | "heading";

const TONES: Record<Tone, string> = { good: "32", doubtful: "33", bad: "31", heading: "1" };

/** The voice of one run of the program. */
export class Output {
  readonly json: boolean;
  readonly units: Units;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Whether stdout may be coloured: a terminal, and nobody asked for none. */
  readonly color: boolean;
  /** Whether a progress line may be drawn: stderr is a terminal, and nobody asked for silence. */
  readonly progress: boolean;
  readonly #terminal: Terminal;

  constructor(terminal: Terminal, options: OutputOptions) {
    this.#terminal = terminal;
    this.json = options.json;
    this.units = options.units;
    this.quiet = options.quiet;
    this.verbose = options.verbose;
    this.color = terminal.stdoutIsTerminal && mayColor(terminal);
    this.progress = terminal.stderrIsTerminal && !options.quiet && !options.json;
  }

  /** The result of a command, in the one or the other form. */
  result(fields: JsonFields, human: () => string): void {
    this.line(this.json ? toJson(fields, 2) : human());
  }

  /**
   * What was done, for somebody who watches. It is a result as well (scripts read the JSON), but
   * `--quiet` leaves the words away.
   */
  done(fields: JsonFields, human: string): void {
    if (this.json) this.line(toJson(fields, 2));
    else if (!this.quiet) this.line(human);
  }

  /** Writes to stdout; nothing at all for an empty text. */
  line(text: string): void {
    if (text !== "") this.#terminal.writeOut(`${text}\n`);
  }

  /** A remark on stderr. */
  note(text: string): void {
    if (!this.quiet && !this.json) this.#terminal.writeErr(`${text}\n`);
  }

  /** A remark that only `--verbose` shows. */
  detail(text: string): void {
    if (this.verbose) this.note(text);
  }

  /** Something the user has to know; `--quiet` does not hide it. */
  warn(text: string): void {
    this.#terminal.writeErr(
      this.json ? `${toJson({ warning: { message: text } })}\n` : `warning: ${text}\n`,
    );
  }

  /** Colours a word, where colours are wanted. */
  tint(tone: Tone, text: string): string {
    return this.color ? `\x1b[${TONES[tone]}m${text}\x1b[0m` : text;
  }

  /** Replaces the progress line on stderr; an empty text takes it away. */
  progressLine(text: string): void {
    if (this.progress) this.#terminal.writeErr(`\r\x1b[K${text}`);
  }
}

/** NO_COLOR counts if it is set and not empty (no-color.org). */
function mayColor(terminal: Terminal): boolean {
  const noColor = terminal.env("NO_COLOR");
  return (noColor === undefined || noColor === "") && terminal.env("TERM") !== "dumb";
}
