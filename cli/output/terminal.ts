// SPDX-License-Identifier: GPL-2.0-only
// The three standard streams and the environment, behind an interface that tests can stand in for.

/** What a program knows of the place it was started from. */
export interface Terminal {
  readonly stdinIsTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Width of the terminal on stdout; undefined if it is none. */
  readonly columns: number | undefined;
  /** @throws {OutputClosedError} if the reader has gone away. */
  writeOut(text: string): void;
  /** Never throws: nobody is left to be told. */
  writeErr(text: string): void;
  /** Reads one line from stdin, without its newline; undefined at the end of the input. */
  readLine(): Promise<string | undefined>;
  env(name: string): string | undefined;
}

/** The reader of stdout has closed it (`| head`). Not a failure of ours, only a reason to stop. */
export class OutputClosedError extends Error {
  override name = "OutputClosedError";
}

/** The terminal of this process. */
export function systemTerminal(): Terminal {
  return {
    stdinIsTerminal: Deno.stdin.isTerminal(),
    stdoutIsTerminal: Deno.stdout.isTerminal(),
    stderrIsTerminal: Deno.stderr.isTerminal(),
    columns: columnsOf(),
    writeOut: (text) => {
      try {
        writeFully(Deno.stdout, text);
      } catch (cause) {
        if (cause instanceof Deno.errors.BrokenPipe) {
          throw new OutputClosedError("nobody reads stdout any more", { cause });
        }
        throw new Error("cannot write to stdout", { cause });
      }
    },
    writeErr: (text) => {
      try {
        writeFully(Deno.stderr, text);
      } catch {
        // The exit code is all that is left to tell with.
      }
    },
    readLine: () => readLine(Deno.stdin),
    env: (name) => Deno.env.get(name),
  };
}

function columnsOf(): number | undefined {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : undefined;
  } catch {
    return undefined;
  }
}

interface SyncWriter {
  writeSync(data: Uint8Array): number;
}

const encoder = new TextEncoder();

/** A pipe shared with another program may be non-blocking: a full one is waited for, not lost. */
function writeFully(stream: SyncWriter, text: string): void {
  let rest = encoder.encode(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(stream.writeSync(rest));
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

async function readLine(
  stream: { read(buffer: Uint8Array): Promise<number | null> },
): Promise<string | undefined> {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (true) {
    const read = await stream.read(one);
    if (read === null) return bytes.length === 0 ? undefined : decode(bytes);
    if (one[0] === 0x0a) return decode(bytes);
    bytes.push(one[0] ?? 0);
  }
}

function decode(bytes: readonly number[]): string {
  return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\r$/, "");
}
