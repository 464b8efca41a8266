// SPDX-License-Identifier: GPL-2.0-only
// A progress bar on stderr for work that is measured in sectors.
import { Writable } from "node:stream";
// @ts-types="./cli_progress.d.ts"
import progress from "cli-progress";
import { countOf, formatIec, SECTOR_BYTES } from "./units.ts";

/** Where a bar is drawn: a terminal, whose cursor can be moved. */
export interface BarTerminal {
  readonly columns: number | undefined;
  writeErr(text: string): void;
}

/** What the bar is for. */
export interface BarOptions {
  readonly title: string;
  /** Sectors in all, and how many of them had been done before. */
  readonly total: bigint;
  readonly done: bigint;
  /** Milliseconds, growing; tests bring a clock of their own. */
  readonly now?: () => number;
}

const FORMAT = "{title} [{bar}] {percentage}% {speed}{state}{remark}";
/** What stands around the bar takes so many columns at most. */
const AROUND = 56;

/**
 * A bar that is drawn anew as it changes, and taken away in the end.
 *
 * ```ts
 * using bar = new ProgressBar(terminal, { title: "r0", total: 2048n, done: 0n });
 * bar.update(1024n, { errors: 1n });
 * ```
 */
export class ProgressBar implements Disposable {
  readonly #bar: InstanceType<typeof progress.SingleBar>;
  readonly #title: string;
  readonly #total: bigint;
  readonly #speed: SpeedMeter;

  constructor(terminal: BarTerminal, { title, total, done, now }: BarOptions) {
    this.#title = title;
    this.#total = total;
    this.#speed = new SpeedMeter(now ?? (() => performance.now()), done);
    this.#bar = new progress.SingleBar({
      format: FORMAT,
      stream: terminalStream(terminal),
      barsize: Math.max(10, Math.min(40, (terminal.columns ?? 80) - AROUND - title.length)),
      clearOnComplete: true,
      hideCursor: null,
      fps: 10,
      // Signals are caught elsewhere, and the bar is always taken away.
      gracefulExit: false,
      etaAsynchronousUpdate: false,
      etaBuffer: 10,
    });
    this.#bar.start(Number(total), Number(done), this.#words({ errors: 0n }));
  }

  /** How far the work is; `state` only if there is something to say of it. */
  update(done: bigint, what: { readonly errors: bigint; readonly state?: string }): void {
    this.#speed.add(done);
    this.#bar.update(Number(done), this.#words({ ...what, left: this.#total - done }));
  }

  /** Takes the bar away. */
  [Symbol.dispose](): void {
    this.#bar.stop();
  }

  #words(
    what: { readonly errors: bigint; readonly state?: string; readonly left?: bigint },
  ): Record<string, string> {
    const speed = this.#speed.bytesPerSecond();
    const eta = speed === undefined || speed < 1 || what.left === undefined
      ? ""
      : `, ${formatSeconds(Number(what.left * SECTOR_BYTES) / speed)} left`;
    return {
      title: this.#title,
      speed: speed === undefined ? "" : `${formatIec(BigInt(Math.round(speed)))}/s${eta}`,
      state: what.state === undefined ? "" : ` ${what.state}`,
      remark: what.errors === 0n ? "" : `, ${countOf(what.errors, "sector")} unreadable`,
    };
  }
}

/** Speed over the last few samples, so that it follows but does not jump. */
export class SpeedMeter {
  static readonly SAMPLES = 10;
  readonly #samples: { readonly at: number; readonly done: bigint }[] = [];

  constructor(private readonly now: () => number, done: bigint) {
    this.add(done);
  }

  /** So many sectors are done by now. */
  add(done: bigint): void {
    this.#samples.push({ at: this.now(), done });
    if (this.#samples.length > SpeedMeter.SAMPLES) this.#samples.shift();
  }

  /** `undefined` as long as nothing can be said. */
  bytesPerSecond(): number | undefined {
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    const ms = last.at - first.at;
    return ms <= 0 ? undefined : Number((last.done - first.done) * SECTOR_BYTES) * 1000 / ms;
  }
}

/** "45 s", "3 min", "2 h 10 min": no more exact than an estimate is. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** cli-progress writes to a stream, and only draws if that says it is a terminal. */
function terminalStream(terminal: BarTerminal): NodeJS.WritableStream {
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      terminal.writeErr(text);
      done();
    },
  });
  return Object.assign(stream, { isTTY: true, columns: terminal.columns ?? 80 });
}
