// SPDX-License-Identifier: GPL-2.0-only
// A remap device's content to another disk while the device is in use. docs/replace.md has the order
// of the steps and why it is safe to stop at each of them.
import { nodePath } from "../../../ffi/dm_names.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import type { BlockDevice } from "../block_device.ts";
import { BusyError } from "../errors.ts";
import type { RemapTable } from "../table_line.ts";
import { checkAlive } from "./alive.ts";
import { copySpans, type Destination, DiskDestination } from "./copy.ts";
import { stayInMemory } from "./memory_lock.ts";
import { Patience } from "./patience.ts";
import { RangeSet, type Span } from "./range_set.ts";
import { LiveSource, piecesOf, type Source } from "./source.ts";
import { Standstill } from "./standstill.ts";
import { areasOf, WriteTracker } from "./write_tracker.ts";

/** What is to be moved where. */
export interface Move {
  readonly kind: "replace" | "evacuate";
  readonly name: string;
  readonly table: RemapTable;
  readonly main: BlockDevice;
  readonly spare: BlockDevice;
  readonly target: BlockDevice;
  /** Where the content begins on the new disk. */
  readonly targetStart: number;
  /** What identifies it, "" if nothing does. */
  readonly targetId: string;
  /** Go although there is no content for some sectors; only asked when the layer goes. */
  readonly acceptLost: boolean;
  /** The device may stand still so long. */
  readonly maxPauseMs: number;
  /** Copy while the device stands still. */
  readonly offline: boolean;
}

/** Who watches, and may end it. */
export interface Watch {
  readonly signal: AbortSignal;
  /** From here on an interrupt has to wait; `false`: it may be followed again. */
  hold(on: boolean): void;
  progress(report: MoveProgress): void;
}

export interface MoveProgress {
  readonly pass: number;
  /** Sectors of this pass. */
  readonly total: number;
  readonly done: number;
  readonly unreadable: number;
}

/** How it went. */
export interface Moved {
  /** Sectors copied, those that were copied again among them. */
  readonly copied: number;
  readonly passes: number;
  readonly pauseMs: number;
  /** Sectors without content, ascending. */
  readonly missing: readonly Span[];
}

/** So often more may be written just before the device stands still. */
const MOST_STOPS = 4;
/** File systems, partition tables and the like are known by their beginning, some by their end. */
const EDGE = 2048;

/** First and last megabyte: they come last, so that half a copy is never taken for a whole one. */
function edgesOf(length: number): Span[] {
  if (length <= 2 * EDGE) return [{ first: 0, end: length }];
  return [{ first: 0, end: EDGE }, { first: length - EDGE, end: length }];
}

/** What is copied from while the device is in use, and to where; tests bring their own. */
export interface Ends {
  live(name: string): Source & Disposable;
  destination(move: Move): Destination & Disposable;
}

const ENDS: Ends = {
  live: (name) => new LiveSource(nodePath(name)),
  destination: ({ target, targetStart }) =>
    new DiskDestination(target.path, target.node, targetStart),
};

/** A copy under way. */
export class Mover {
  readonly #length: number;
  readonly #unit: number;
  readonly #missing = new RangeSet();
  /** What is to be copied, or copied again. */
  readonly #stale: RangeSet;
  #copied = 0;
  #copyMs = 0;
  #passes = 0;

  constructor(
    private readonly dm: DeviceMapper,
    private readonly move: Move,
    private readonly watch: Watch,
    private readonly ends: Ends = ENDS,
  ) {
    this.#length = Number(move.table.length);
    this.#unit = Number(move.main.logicalBlockSectors);
    this.#stale = new RangeSet([{ first: 0, end: this.#length }]);
  }

  /** @throws {DeviceError} with everything as it was, but for the new disk's content */
  async run(cpus: number): Promise<Moved> {
    using destination = this.ends.destination(this.move);
    await this.#clearEdges(destination);
    if (this.move.offline) return await this.#stop(destination, undefined);
    await using tracker = await WriteTracker.start(
      this.dm,
      this.move.name,
      areasOf(this.#length, cpus),
    );
    for (let tries = 0;; tries++) {
      await this.#copyLive(destination, tracker);
      try {
        return await this.#stop(destination, tracker);
      } catch (error) {
        if (!(error instanceof PauseTooLongError)) throw error;
        // More was written just before the device stood still: it goes on, and so do we.
        if (tries === MOST_STOPS) throw this.#tooBusy(this.#estimateMs());
      }
    }
  }

  async #clearEdges(destination: Destination): Promise<void> {
    for (const { first, end } of edgesOf(this.#length)) {
      await destination.write(first, new Uint8Array((end - first) * 512));
    }
    await destination.flush();
  }

  /** Pass after pass, until what is left takes no time worth mentioning. */
  async #copyLive(destination: Destination, tracker: WriteTracker): Promise<void> {
    using source = this.ends.live(this.move.name);
    const patience = new Patience(this.move.maxPauseMs);
    for (;;) {
      const before = this.#stale.size;
      const spans = this.#withoutEdges();
      await this.#pass({ source, destination }, spans);
      for (const span of spans) this.#stale.remove(span);
      for (const span of await tracker.changed()) this.#stale.add(span);
      const pause = this.#estimateMs();
      const verdict = patience.judge(before, this.#stale.size, pause);
      if (verdict === "stop") return;
      if (verdict === "too much") throw this.#tooBusy(pause);
    }
  }

  #withoutEdges(): Span[] {
    const inner = new RangeSet(this.#stale);
    for (const edge of edgesOf(this.#length)) inner.remove(edge);
    return [...inner];
  }

  /** How long the rest will take, from what it took so far. */
  #estimateMs(): number {
    const perSector = this.#copied === 0 ? 0 : this.#copyMs / this.#copied;
    return this.#stale.size * perSector;
  }

  #tooBusy(pauseMs: number): BusyError {
    const seconds = Math.ceil(pauseMs / 1000);
    return new BusyError(
      "so much is written to it that it would have to stand still for about " +
        `${seconds} s for the rest of the copy`,
      {
        device: this.move.name,
        cure: `try again when less is written, or with --max-pause ${2 * seconds}; ` +
          "nothing has changed so far",
      },
    );
  }

  async #pass(
    { source, destination }: Pick<Parameters<typeof copySpans>[0], "source" | "destination">,
    spans: readonly Span[],
  ): Promise<void> {
    const total = spans.reduce((sum, { first, end }) => sum + end - first, 0);
    let done = 0;
    const started = performance.now();
    this.#passes++;
    const tell = () =>
      this.watch.progress({
        pass: this.#passes,
        total,
        done,
        unreadable: this.#missing.size,
      });
    tell();
    await copySpans({
      source,
      destination,
      unit: this.#unit,
      missing: this.#missing,
      signal: this.watch.signal,
      onCopied: (sectors) => {
        done += sectors;
        this.#copied += sectors;
        tell();
      },
    }, spans);
    this.#copyMs += performance.now() - started;
  }

  /** The device stands still from here to the switch. */
  async #stop(
    destination: Destination & Disposable,
    tracker: WriteTracker | undefined,
  ): Promise<Moved> {
    await destination.flush();
    this.watch.signal.throwIfAborted();
    this.watch.hold(true);
    try {
      stayInMemory();
      const started = performance.now();
      using standstill = await Standstill.begin(this.dm, this.move);
      try {
        await this.#finish(destination, tracker, standstill);
      } catch (error) {
        await standstill.giveUp(error);
        throw error;
      }
      const pauseMs = Math.round(performance.now() - started);
      const missing = [...this.#missing];
      return { copied: this.#copied, passes: this.#passes, pauseMs, missing };
    } finally {
      this.watch.hold(false);
    }
  }

  async #finish(
    destination: Destination & Disposable,
    tracker: WriteTracker | undefined,
    standstill: Standstill,
  ): Promise<void> {
    for (const span of await tracker?.changed() ?? []) this.#stale.add(span);
    if (tracker !== undefined && this.#estimateMs() > this.move.maxPauseMs) {
      throw new PauseTooLongError();
    }
    await this.#copyRest(destination, standstill);
    await standstill.finish([...this.#missing]);
  }

  async #copyRest(destination: Destination & Disposable, standstill: Standstill): Promise<void> {
    using source = standstill.source();
    // What could not be read before may have been written, or found readable, since.
    for (const span of this.#missing) this.#stale.add(span);
    for (const span of standstill.wrong()) this.#stale.add(span);
    await this.#pass({ source, destination }, [...this.#stale]);
    await checkAlive(this.move.name, source, this.#missing, {
      length: this.#length,
      unit: this.#unit,
      onMain: (sector) => piecesOf(source.entries, sector, this.#unit)[0]?.place === "main",
    });
    await destination.flush();
    // The device mapper wants the disk for itself.
    destination[Symbol.dispose]();
  }
}

class PauseTooLongError extends Error {}
