// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { stamps } from "../model/stamps.ts";
import { campaign, type Recording, replay } from "./campaign.ts";
import { freshImages, geometryOf } from "./layout.ts";
import type { Mark } from "./marks.ts";
import { moments } from "./play.ts";
import type { Event } from "./recording.ts";

const SEED = 3;
const mark = (mark: Mark): Event => ({ kind: "mark", mark });
const done = (id: number): Event => ({ kind: "done", device: 0, id, failed: false });
const end = (op: number) => mark({ type: "end", op, ok: true, places: [] });

/** Sectors 10 to 13 are written, then flushed, then something else begins. */
function recording(flush: readonly Event[]): Recording {
  const begin = { type: "begin", ranges: [[10, 4]] } as const;
  const data = stamps(SEED, 10, 4, 5);
  return {
    name: "test",
    imagesOf: () => freshImages(SEED),
    events: [
      mark({ type: "setup", image: 0, geometry: geometryOf(SEED) }),
      mark({ ...begin, op: 1, kind: "write", sequence: 5 }),
      { kind: "write", device: 0, id: 1, sector: 10, data, fua: false, preflush: false },
      done(1),
      end(1),
      mark({ type: "begin", op: 2, kind: "flush", ranges: [] }),
      ...flush,
      end(2),
      mark({ ...begin, op: 3, kind: "read" }),
    ],
  };
}

const FLUSH: readonly Event[] = [{ kind: "flush", device: 0, id: 2 }, done(2)];

Deno.test("a flush that went to the device keeps the promise, in as many states as wanted", () => {
  const { states, failures, met } = campaign(recording(FLUSH), 500, 1);
  assert.deepEqual(failures, []);
  assert.ok(states >= 500, `${states} states`);
  assert.ok((met.get("torn writes") ?? 0) > 6);
});

Deno.test("a flush that was told of and never sent is found, and found again by its state", () => {
  for (const flush of [[], [{ kind: "flush", device: 1, id: 2 }, { ...done(2), device: 1 }]]) {
    const broken = recording(flush as Event[]);
    const { failures } = campaign(broken, 100, 1);
    assert.equal(failures[0]?.check, "content");
    const [, at, choice] = failures[0].state.split(":");
    assert.equal(replay(broken, Number(at), choice ?? "")?.message, failures[0].message);
    assert.equal(replay(broken, Number(at), "1"), undefined);
  }
});

Deno.test("moments: before an operation begins, before something becomes durable, at the end", () => {
  const { events, imagesOf } = recording(FLUSH);
  assert.deepEqual([...moments(events, imagesOf)].map(({ at }) => at), [1, 5, 9, 10]);
});

Deno.test("a table, or content, that the target should not have shown is found", () => {
  const { imagesOf, events } = recording(FLUSH);
  const play = (last: Mark) => [...moments([...events, mark(last)], imagesOf)];
  const values = Array.from(
    { length: geometryOf(SEED).main.sectors },
    (_, sector): number => sector >= 10 && sector < 14 ? 5 : 0,
  );
  play({ type: "contents", values });
  play({ type: "table", places: [] });
  assert.throws(() => play({ type: "contents", values: values.with(11, 0) }), /sector 11 /);
  assert.throws(() => play({ type: "contents", values: values.with(11, -1) }), /sector 11 /);
  assert.throws(() => play({ type: "table", places: [[11, 1, "lost", 300]] }), /sector 11 is lost/);
});
