// SPDX-License-Identifier: GPL-2.0-only
//
// A device with a volatile cache, as a recording tells its story: what is on the medium for sure,
// and what may be on it.
import { type Event, RecordingError, SECTOR, type WriteEvent } from "./recording.ts";

/** A write that is not durable yet. */
export interface Volatile {
  readonly write: WriteEvent;
  /** Its turn among the writes of the recording. */
  readonly turn: number;
  readonly sectors: number;
  ended: boolean;
}

/** A volatile write that reached the medium, or some of its sectors: bit n for the nth. */
export interface Chosen {
  readonly volatile: Volatile;
  /** All sectors unless given. */
  readonly mask?: bigint;
}

interface Undo {
  readonly at: number;
  readonly old: Uint8Array;
}

export class Medium {
  /** What is durable; with the chosen writes while a crash state is looked at. */
  readonly image: Uint8Array<ArrayBuffer>;
  /** In the order of their submission. */
  readonly volatile: Volatile[] = [];
  /** Turn of the last durable write of each sector. */
  readonly #turns: Int32Array;
  readonly #undo: Undo[] = [];
  readonly #byId = new Map<number, Volatile>();
  /** What each flush on its way will have made durable. */
  readonly #flushes = new Map<number, readonly Volatile[]>();
  #turn = 0;

  constructor(image: Uint8Array<ArrayBuffer>) {
    this.image = image;
    this.#turns = new Int32Array(image.length / SECTOR);
  }

  /** Goes on by one event; true if that changed what is durable. */
  take(event: Event): boolean {
    if (event.kind === "write") this.#submit(event);
    else if (event.kind === "flush") this.#flush(event.id);
    else if (event.kind === "done") return this.#end(event.id, event.failed);
    return false;
  }

  /** Will the end of this request make anything durable? */
  settlesAt(id: number): boolean {
    return (this.#flushes.get(id)?.length ?? 0) > 0 || this.#byId.get(id)?.write.fua === true;
  }

  #submit(write: WriteEvent): void {
    const sectors = write.data.length / SECTOR;
    if ((write.sector + sectors) * SECTOR > this.image.length) {
      throw new RecordingError(`write ${write.id} ends past the end of its device`);
    }
    if (write.preflush) this.#flush(write.id);
    const entry: Volatile = { write, turn: ++this.#turn, sectors, ended: false };
    this.volatile.push(entry);
    this.#byId.set(write.id, entry);
  }

  #flush(id: number): void {
    this.#flushes.set(id, this.volatile.filter(({ ended }) => ended));
  }

  #end(id: number, failed: boolean): boolean {
    if (failed) throw new RecordingError(`request ${id} failed below the record`);
    let changed = false;
    for (const write of this.#flushes.get(id) ?? []) changed = this.#settle(write) || changed;
    this.#flushes.delete(id);
    const own = this.#byId.get(id);
    if (own === undefined) return changed;
    own.ended = true;
    return own.write.fua ? this.#settle(own) || changed : changed;
  }

  /** A write is durable from now on. */
  #settle(entry: Volatile): boolean {
    const at = this.volatile.indexOf(entry);
    if (at < 0) return false;
    this.volatile.splice(at, 1);
    this.#byId.delete(entry.write.id);
    const { write, turn } = entry;
    for (let sector = 0; sector < entry.sectors; sector++) {
      if (this.#turns[write.sector + sector]! > turn) continue;
      this.#turns[write.sector + sector] = turn;
      this.#copy(write, sector);
    }
    return true;
  }

  #copy({ data, sector: first }: WriteEvent, sector: number): void {
    const content = data.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    this.image.set(content, (first + sector) * SECTOR);
  }

  /** Puts volatile writes onto the medium, in their order; `revert` takes them away again. */
  apply(chosen: readonly Chosen[]): void {
    for (const { volatile: entry, mask } of chosen) {
      const { write, turn } = entry;
      for (let sector = 0; sector < entry.sectors; sector++) {
        if (mask !== undefined && !((mask >> BigInt(sector)) & 1n)) continue;
        if (this.#turns[write.sector + sector]! > turn) continue;
        const at = (write.sector + sector) * SECTOR;
        this.#undo.push({ at, old: this.image.slice(at, at + SECTOR) });
        this.#copy(write, sector);
      }
    }
  }

  revert(): void {
    for (let entry = this.#undo.pop(); entry !== undefined; entry = this.#undo.pop()) {
      this.image.set(entry.old, entry.at);
    }
  }
}
