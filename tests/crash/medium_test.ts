// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Medium } from "./medium.ts";
import { formatRecording, parseRecording, SECTOR, type WriteEvent } from "./recording.ts";

const filled = (value: number, sectors = 1) => new Uint8Array(sectors * SECTOR).fill(value);
const write = (
  id: number,
  sector: number,
  data: Uint8Array,
  flags: { fua?: boolean; preflush?: boolean } = {},
): WriteEvent => ({
  kind: "write",
  device: 0,
  id,
  sector,
  data,
  fua: false,
  preflush: false,
  ...flags,
});
const done = (id: number) => ({ kind: "done", device: 0, id, failed: false } as const);
const flush = (id: number) => ({ kind: "flush", device: 0, id } as const);
const firstBytes = ({ image }: Medium) =>
  Array.from({ length: image.length / SECTOR }, (_, sector) => image[sector * SECTOR]);

Deno.test("a write is durable only when a flush that came after its end has ended", () => {
  const medium = new Medium(new Uint8Array(4 * SECTOR));
  medium.take(write(1, 0, filled(1)));
  medium.take(write(2, 1, filled(2)));
  medium.take(done(1));
  medium.take(flush(3));
  medium.take(done(2));
  assert.deepEqual(firstBytes(medium), [0, 0, 0, 0]);
  assert.equal(medium.take(done(3)), true);
  assert.deepEqual(firstBytes(medium), [1, 0, 0, 0]);
  assert.deepEqual(medium.volatile.map((entry) => entry.write.id), [2]);
  medium.take(write(4, 3, filled(4), { preflush: true, fua: true }));
  medium.take(done(4));
  assert.deepEqual(firstBytes(medium), [1, 2, 0, 4]);
});

Deno.test("FUA makes its own write durable and no other", () => {
  const medium = new Medium(new Uint8Array(2 * SECTOR));
  medium.take(write(1, 0, filled(1)));
  medium.take(done(1));
  medium.take(write(2, 1, filled(2), { fua: true }));
  medium.take(done(2));
  assert.deepEqual(firstBytes(medium), [0, 2]);
});

Deno.test("an older volatile write never covers a newer durable one", () => {
  const medium = new Medium(new Uint8Array(2 * SECTOR));
  medium.take(write(1, 0, filled(1, 2)));
  medium.take(done(1));
  medium.take(write(2, 0, filled(2), { fua: true }));
  medium.take(done(2));
  medium.apply(medium.volatile.map((volatile) => ({ volatile })));
  assert.deepEqual(firstBytes(medium), [2, 1]);
  medium.revert();
  assert.deepEqual(firstBytes(medium), [2, 0]);
});

Deno.test("a torn write has the sectors of its mask, and is gone afterwards", () => {
  const medium = new Medium(new Uint8Array(4 * SECTOR));
  medium.take(write(1, 1, filled(1, 3)));
  medium.apply([{ volatile: medium.volatile[0]!, mask: 0b101n }]);
  assert.deepEqual(firstBytes(medium), [0, 1, 0, 1]);
  medium.revert();
  assert.deepEqual(firstBytes(medium), [0, 0, 0, 0]);
});

Deno.test("what cannot be is refused", () => {
  const medium = new Medium(new Uint8Array(SECTOR));
  assert.throws(() => medium.take(write(1, 1, filled(1))), /past the end/);
  medium.take(write(2, 0, filled(1)));
  assert.throws(() => medium.take({ ...done(2), failed: true }), /failed below the record/);
});

Deno.test("a last mark that was written in part is left out, if that may be", () => {
  const mark = { kind: "mark", mark: { type: "end", op: 3, ok: true, places: [] } } as const;
  const bytes = formatRecording([mark, mark]);
  for (const end of [bytes.length - 1, bytes.length / 2 + 60, bytes.length / 2 + 10]) {
    const torn = bytes.slice().fill(0, end);
    assert.deepEqual(parseRecording(torn, false), [mark]);
    assert.throws(() => parseRecording(torn));
  }
});

Deno.test("a recording reads as it was written, to its end", () => {
  const events = [
    write(1, 5, filled(7, 2), { fua: true }),
    { ...flush(2), device: 1 },
    { ...done(1), failed: true },
    { kind: "mark", mark: { type: "end", op: 3, ok: true, places: [] } } as const,
    write(4, 1, filled(8), { preflush: true }),
  ];
  const bytes = formatRecording(events);
  const padded = new Uint8Array(bytes.length + 4096);
  padded.set(bytes);
  assert.deepEqual(parseRecording(padded), events);
  assert.throws(() => parseRecording(bytes.subarray(0, 100)), /cut off/);
  assert.throws(() => parseRecording(padded.fill(9, 0, 4)), /no record/);
});
