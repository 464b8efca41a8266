// SPDX-License-Identifier: GPL-2.0-only
//
// What tests/crash/module/lab_log.c recorded: writes, flushes, their ends, and marks, in order.
import { type Mark, parseMark } from "./marks.ts";

export const SECTOR = 512;
const HEADER_BYTES = 40;
const KINDS = ["end", "write", "flush", "done", "mark"] as const;
const FUA = 1;
const PREFLUSH = 2;

export interface WriteEvent {
  readonly kind: "write";
  /** Number of the device in its table line. */
  readonly device: number;
  readonly id: number;
  readonly sector: number;
  readonly data: Uint8Array;
  /** Durable when it has ended. */
  readonly fua: boolean;
  /** What ended before it was submitted is durable when it has ended. */
  readonly preflush: boolean;
}

export interface FlushEvent {
  readonly kind: "flush";
  readonly device: number;
  readonly id: number;
}

export interface DoneEvent {
  readonly kind: "done";
  readonly device: number;
  readonly id: number;
  readonly failed: boolean;
}

export interface MarkEvent {
  readonly kind: "mark";
  readonly mark: Mark;
}

export type Event = WriteEvent | FlushEvent | DoneEvent | MarkEvent;

/** The record cannot be what a run left behind. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}

/**
 * Reads records to the end of the bytes, or to the first that is all zero.
 * @param whole unless given as false, a last mark that is written in part is an error
 */
export function parseRecording(bytes: Uint8Array, whole = true): Event[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder();
  const events: Event[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const kind = KINDS[view.getUint32(at, true)];
    if (kind === "end") break;
    if (kind === undefined) throw new RecordingError(`no record at byte ${at}`);
    const length = view.getUint32(at + 32, true);
    const content = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
    if (content.length < length) throw new RecordingError(`the record at byte ${at} is cut off`);
    const common = {
      device: view.getUint32(at + 4, true),
      id: Number(view.getBigUint64(at + 8, true)),
    };
    if (kind === "mark") {
      const text = decoder.decode(content);
      // A mark is text, and what was not written of it is zero.
      if (!whole && (text === "" || text.includes("\0"))) break;
      events.push({ kind, mark: parseMark(text) });
    } else if (kind === "flush") events.push({ kind, ...common });
    else if (kind === "done") {
      events.push({ kind, ...common, failed: view.getUint32(at + 28, true) !== 0 });
    } else events.push({ kind, ...common, ...writeAt(view, at), data: content });
    at += HEADER_BYTES + length;
  }
  return events;
}

/** Where the records in a file end: only their headers are read. */
export function recordedBytes(path: string): number {
  using file = Deno.openSync(path);
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  for (let at = 0;; at += HEADER_BYTES + view.getUint32(32, true)) {
    file.seekSync(at, Deno.SeekMode.Start);
    const got = file.readSync(header) ?? 0;
    if (got < HEADER_BYTES || view.getUint32(0, true) === 0) return at;
  }
}

function writeAt(view: DataView, at: number) {
  const flags = view.getUint32(at + 24, true);
  return {
    sector: Number(view.getBigUint64(at + 16, true)),
    fua: (flags & FUA) !== 0,
    preflush: (flags & PREFLUSH) !== 0,
  };
}

/** Gives back what {@linkcode parseRecording} reads: for its tests, and for cut-down recordings. */
export function formatRecording(events: readonly Event[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const event of events) {
    const content = event.kind === "write"
      ? event.data
      : event.kind === "mark"
      ? encoder.encode(JSON.stringify(event.mark))
      : new Uint8Array();
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    header.setUint32(0, KINDS.indexOf(event.kind), true);
    header.setUint32(32, content.length, true);
    if (event.kind !== "mark") {
      header.setUint32(4, event.device, true);
      header.setBigUint64(8, BigInt(event.id), true);
    }
    if (event.kind === "done") header.setUint32(28, event.failed ? 10 : 0, true);
    if (event.kind === "write") {
      header.setBigUint64(16, BigInt(event.sector), true);
      header.setUint32(24, (event.fua ? FUA : 0) | (event.preflush ? PREFLUSH : 0), true);
    }
    parts.push(new Uint8Array(header.buffer), content);
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
