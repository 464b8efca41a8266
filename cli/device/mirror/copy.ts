// SPDX-License-Identifier: GPL-2.0-only
import { DirectFile } from "../../../ffi/direct_file.ts";
import { SystemError } from "../../../ffi/errors.ts";
import { SECTOR_SIZE } from "../../metadata/format.ts";
import { RefusedError } from "../errors.ts";
import { RangeSet, type Span } from "./range_set.ts";
import type { Source } from "./source.ts";

/** The disk that takes the content. */
export interface Destination {
  write(first: number, content: Uint8Array): Promise<void>;
  flush(): Promise<void>;
}

/** A part of a block device. */
export class DiskDestination implements Destination, Disposable {
  readonly #file: DirectFile;
  #closed = false;

  /** @throws {SystemError} EBUSY if somebody else has taken it */
  constructor(readonly path: string, node: string, readonly start: number) {
    this.#file = DirectFile.open(node, { write: true, exclusive: true });
  }

  async write(first: number, content: Uint8Array): Promise<void> {
    try {
      await this.#file.write(BigInt(this.start + first) * BigInt(SECTOR_SIZE), content);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async flush(): Promise<void> {
    try {
      await this.#file.flush();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): unknown {
    if (!(error instanceof SystemError)) return error;
    return new RefusedError(`the new disk does not take what is written to it: ${error.code}`, {
      device: this.path,
      cure: "nothing has changed but this disk; take another one",
      cause: error,
    });
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file[Symbol.dispose]();
  }
}

/** What is copied, and what comes of it. */
export interface Copying {
  readonly source: Source;
  readonly destination: Destination;
  /** Sectors of a logical block: what is bad is bad as a whole. */
  readonly unit: number;
  /** Sectors that the destination lacks; kept up to date. */
  readonly missing: RangeSet;
  readonly signal?: AbortSignal;
  /** So many more sectors are done. */
  readonly onCopied?: (sectors: number) => void;
}

/** 1 MiB at a time, some at once: enough for a disk to be busy. */
const CHUNK = 2048;
const AT_ONCE = 4;

/** Copies; what cannot be read is zeroed there, and is missing from then on. */
export async function copySpans(copying: Copying, spans: Iterable<Span>): Promise<void> {
  const chunks = chunksOf(spans);
  let failed = false;
  const work = async () => {
    for (const chunk of chunks) {
      if (failed) return;
      copying.signal?.throwIfAborted();
      await copyChunk(copying, chunk);
      copying.onCopied?.(chunk.end - chunk.first);
    }
  };
  const workers = Array.from({ length: AT_ONCE }, () =>
    work().catch((error: unknown) => {
      failed = true;
      throw error;
    }));
  // None of them is left behind: the files are closed after this.
  const results = await Promise.allSettled(workers);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function* chunksOf(spans: Iterable<Span>): Generator<Span> {
  for (const { first, end } of spans) {
    for (let at = first; at < end;) {
      const next = Math.min(end, (Math.floor(at / CHUNK) + 1) * CHUNK);
      yield { first: at, end: next };
      at = next;
    }
  }
}

async function copyChunk(copying: Copying, span: Span): Promise<void> {
  const { source, destination, unit, missing } = copying;
  const count = span.end - span.first;
  const content = await source.read(span.first, count);
  if (content !== undefined) {
    await destination.write(span.first, content);
    missing.remove(span);
    return;
  }
  if (count <= unit) {
    await destination.write(span.first, new Uint8Array(count * SECTOR_SIZE));
    missing.add(span);
    return;
  }
  const middle = span.first + Math.ceil(count / 2 / unit) * unit;
  await copyChunk(copying, { first: span.first, end: middle });
  await copyChunk(copying, { first: middle, end: span.end });
}
