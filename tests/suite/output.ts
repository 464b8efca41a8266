// SPDX-License-Identifier: GPL-2.0-only

const encoder = new TextEncoder();

/** Takes pieces of text as they come. */
export type Say = (text: string) => void;

/** Writes to the run's own output. */
export function say(text: string): void {
  Deno.stdout.writeSync(encoder.encode(text));
}

/** Whole lines only, each with a name before it: what several steps say at once stays readable. */
export class NamedLines {
  #rest = "";

  constructor(private readonly name: string, private readonly say: Say) {}

  readonly write: Say = (text) => {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    if (lines.length > 0) this.say(lines.map((line) => `${this.name} | ${line}\n`).join(""));
  };

  /** Says what has no end of line. */
  end(): void {
    if (this.#rest !== "") this.write("\n");
  }
}
