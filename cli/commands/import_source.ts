// SPDX-License-Identifier: GPL-2.0-only
// Lists of other programs, from files and pipes.
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { PermissionError, RefusedError } from "../device/errors.ts";
import { type Area, ListError } from "../lists/area.ts";
import { DEFAULT_BLOCK_SIZE, parseBadblocks } from "../lists/badblocks.ts";
import { areasIn, BLOCK_STATES, type BlockState, parseRescueMap } from "../lists/ddrescue.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { countOf } from "../output/units.ts";
import { wholeNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

export type ListFormat = "badblocks" | "ddrescue";

/** A list, and how it is to be read. */
export interface ListSource {
  readonly format: ListFormat;
  /** `-` is stdin. */
  readonly file: string;
  /** Of a badblocks list. */
  readonly blockSize?: bigint;
  /** Of a map file: what counts as bad. */
  readonly states?: ReadonlySet<BlockState>;
}

/** What a list says. */
export interface KnownList {
  /** For messages. */
  readonly file: string;
  readonly areas: readonly Area[];
  /** Bytes by which an area may reach past the end of a disk: its last block is not whole. */
  readonly slack: bigint;
}

/** The value of `--block-size`: some make lists of tracks, none of gigabytes. */
export const blockSizeNumber: (text: string) => bigint = wholeNumber({ min: 1n, max: 2n ** 30n });

/** The value of `--states`. */
export function statesOf(text: string): ReadonlySet<BlockState> {
  const states = new Set<BlockState>();
  for (const letter of text) {
    const state = BLOCK_STATES.find((known) => known === letter);
    if (state === undefined) {
      throw new InvalidArgumentError(`Give some of ${BLOCK_STATES.join(" ")} without blanks.`);
    }
    states.add(state);
  }
  if (states.size === 0) throw new InvalidArgumentError("Give one state at least.");
  return states;
}

const BAD: ReadonlySet<BlockState> = new Set(["-"]);

/** @throws {RefusedError} for a file that cannot be read, or is no such list */
export async function readList(session: Session, source: ListSource): Promise<KnownList> {
  const file = source.file === "-" ? "stdin" : source.file;
  try {
    using input = await open(source.file);
    const pieces = textOf(session, input.readable);
    if (source.format === "badblocks") {
      const blockSize = source.blockSize ?? DEFAULT_BLOCK_SIZE;
      return { file, areas: await parseBadblocks(pieces, blockSize), slack: blockSize };
    }
    const map = await parseRescueMap(pieces);
    const failed = areasIn(map, new Set(["*", "/"]));
    if (source.states === undefined && failed.length > 0) {
      session.out.warn(
        `${file}: ${countOf(failed.length, "area")} failed, but ddrescue has not found out yet ` +
          "which sectors of them are bad (states * and /): they are left away; let it trim and " +
          "scrape, or give --states '*/-'",
      );
    }
    return { file, areas: areasIn(map, source.states ?? BAD), slack: 1n };
  } catch (error) {
    throw inWords(error, file, source.format);
  }
}

interface Input extends Disposable {
  readonly readable: ReadableStream<Uint8Array>;
}

async function open(path: string): Promise<Input> {
  if (path === "-") return { readable: Deno.stdin.readable, [Symbol.dispose]: () => undefined };
  const file = await Deno.open(path);
  // Reading the stream to its end closes the file as well.
  const close = () => {
    try {
      file.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  };
  return { readable: file.readable, [Symbol.dispose]: close };
}

async function* textOf(
  { signal }: Session,
  readable: ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const piece of readable) {
    if (signal.aborted) throw new InterruptedError("interrupted, nothing was changed");
    yield decoder.decode(piece, { stream: true });
  }
  yield decoder.decode();
}

function inWords(error: unknown, file: string, format: ListFormat): unknown {
  if (!(error instanceof Error) || error instanceof InterruptedError) return error;
  if (error instanceof ListError) {
    return new RefusedError(`${error.message}; nothing was changed`, {
      device: file,
      cure: format === "badblocks"
        ? "give a list of badblocks(8): a block number a line"
        : "give a map file of ddrescue",
    });
  }
  const cause = { device: file, cause: error };
  if (error instanceof Deno.errors.NotFound) return new RefusedError("no such file", cause);
  if (error instanceof Deno.errors.PermissionDenied) {
    return new PermissionError("no permission to read it", cause);
  }
  return new RefusedError("cannot be read", cause);
}
