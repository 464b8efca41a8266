// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import {
  InvalidSnapshotError,
  SnapshotExistsError,
  SnapshotNotFoundError,
  StoreFailedError,
  StoreMissingError,
  StoreReadOnlyError,
} from "./errors.ts";
import {
  BAD_SLOTS,
  contentOf,
  DATA,
  DEVICE,
  ENTRIES,
  SLOTS,
  SNAPSHOT,
  snapshotAt,
  TestFolder,
} from "./fixture.ts";
import { openStore } from "./open.ts";

const FULL = { entries: ENTRIES, badSlots: BAD_SLOTS };

Deno.test("a snapshot comes back as it was taken, after closing as well", async () => {
  using folder = new TestFolder();
  const path = folder.file("a/b/snapshots.db");
  const snapshot = { ...SNAPSHOT, withData: true };
  let id: number;
  {
    using store = openStore(path, { create: true });
    const head = await store.takeSnapshot(snapshot, { ...FULL, data: DATA });
    id = head.id;
    assert.deepEqual(head, store.head(id));
  }
  using store = openStore(path, { readOnly: true });
  const { digest, dataDigest, seal, ...head } = store.head(id);
  assert.deepEqual(head, {
    ...snapshot,
    id,
    deviceId: 1,
    entries: 4,
    remappedSectors: 206,
    lostSectors: 2,
    pendingSectors: 1,
    badSectors: 3,
    dataBytes: 204 * 512,
  });
  for (const hash of [digest, dataDigest, seal]) assert.match(hash, /^[0-9a-f]{64}$/);
  const entries = store.entries(id);
  assert.deepEqual([...entries], ENTRIES);
  assert.deepEqual([...entries], ENTRIES, "gone through a second time");
  assert.deepEqual([...store.badSlots(id)], BAD_SLOTS);
  assert.deepEqual([...store.data(id)], DATA);
  assert.deepEqual(store.check().findings, []);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  assert.equal(Deno.statSync(folder.file("a/b")).mode! & 0o777, 0o700);
});

Deno.test("entries cut anywhere, from a source that waits, have the same digest", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  async function* inPieces() {
    for (const { first, length, state, slot } of ENTRIES) {
      for (let at = 0; at < length; at++) {
        if (at % 64 === 0) await Promise.resolve();
        yield { first: first + at, length: 1, state, slot: slot === 0 ? 0 : slot + at };
      }
    }
  }
  const whole = await store.takeSnapshot(snapshotAt(0), FULL);
  const cut = await store.takeSnapshot(snapshotAt(1), { ...FULL, entries: inPieces() });
  assert.equal(cut.digest, whole.digest);
  assert.equal(cut.entries, whole.entries);
  assert.notEqual(cut.seal, whole.seal);
});

Deno.test("a snapshot whose source fails is not there at all", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  class Moved extends Error {}
  async function* failing() {
    yield ENTRIES[0]!;
    await Promise.resolve();
    throw new Moved();
  }
  await assert.rejects(store.takeSnapshot(SNAPSHOT, { entries: failing() }), Moved);
  assert.deepEqual(store.heads(), []);
  assert.equal((await store.takeSnapshot(SNAPSHOT, FULL)).entries, 4);
  assert.deepEqual(store.check().findings, []);
});

Deno.test("of a snapshot whose content fails, no row is left in any table", async () => {
  using folder = new TestFolder();
  const path = folder.file();
  const rows = () => {
    using database = new DatabaseSync(path);
    return ["devices", "snapshots", "entries", "bad_slots", "pieces", "contents"]
      .map((table) => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"]));
  };
  function* failing() {
    yield DATA[0]!;
    throw new Error("the disk is gone");
  }
  {
    using store = openStore(path, { create: true });
    const content = { ...FULL, data: failing() };
    await assert.rejects(store.takeSnapshot({ ...SNAPSHOT, withData: true }, content), /is gone/);
  }
  assert.deepEqual(rows(), [0, 0, 0, 0, 0, 0]);
});

Deno.test("only one snapshot is written at a time, and none is seen before it is whole", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  let release = () => {};
  const gate = new Promise<void>((resolve) => release = resolve);
  async function* waiting() {
    yield ENTRIES[0]!;
    await gate;
  }
  const taking = store.takeSnapshot(SNAPSHOT, { entries: waiting() });
  await assert.rejects(store.takeSnapshot(snapshotAt(1), FULL), StoreFailedError);
  assert.deepEqual(store.heads(), []);
  assert.throws(() => store.head(1), SnapshotNotFoundError);
  release();
  assert.equal((await taking).entries, 1);
});

const [, LOST, PENDING] = ENTRIES;
const IMPOSSIBLE = {
  "overlapping entries": { entries: [ENTRIES[0]!, { ...LOST!, first: 3 }] },
  "descending entries": { entries: [PENDING!, LOST!] },
  "an empty run": { entries: [{ ...LOST!, length: 0 }] },
  "half a sector": { entries: [{ ...LOST!, first: 0.5 }] },
  "an entry beyond the device": { entries: [{ ...LOST!, first: DEVICE.mainSectors - 1 }] },
  "a slot beyond the spare": { entries: [{ ...LOST!, slot: DEVICE.spareSectors - 1 }] },
  "a slot for a pending sector": { entries: [{ ...PENDING!, slot: SLOTS }] },
  "overlapping bad slots": { entries: [], badSlots: [BAD_SLOTS[0]!, { slot: 9002, length: 1 }] },
  "bad slots beyond the spare": { entries: [], badSlots: [{ slot: 2 ** 24, length: 1 }] },
  "content of a lost sector": { entries: ENTRIES, data: [contentOf(8, 1)] },
  "content of a sector on main": { entries: ENTRIES, data: [contentOf(3, 2)] },
  "content behind the last entry": { entries: ENTRIES, data: [contentOf(2 ** 39 + 199, 2)] },
  "content of the wrong length": { entries: ENTRIES, data: [{ ...contentOf(0, 2), length: 3 }] },
  "too long a piece": { entries: ENTRIES, data: [contentOf(2 ** 39, 129)] },
  "content twice": { entries: ENTRIES, data: [contentOf(0, 2), contentOf(1, 2)] },
};

for (const [what, content] of Object.entries(IMPOSSIBLE)) {
  Deno.test(`a snapshot is refused with ${what}`, async () => {
    using folder = new TestFolder();
    using store = openStore(folder.file(), { create: true });
    const snapshot = { ...SNAPSHOT, withData: true };
    await assert.rejects(store.takeSnapshot(snapshot, content), InvalidSnapshotError);
    assert.deepEqual(store.heads(), []);
  });
}

Deno.test("a snapshot is refused with a time, a count or a text that cannot be kept", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const wrong = [
    { ...SNAPSHOT, takenAt: "yesterday" },
    { ...SNAPSHOT, takenAt: "2026-11-23T03:00:00Z" },
    { ...SNAPSHOT, generation: -1 },
    { ...SNAPSHOT, tableChanges: 2 ** 60 },
    { ...SNAPSHOT, reason: "\ud800" },
  ];
  for (const snapshot of wrong) {
    await assert.rejects(store.takeSnapshot(snapshot, FULL), InvalidSnapshotError);
  }
  const data = [contentOf(0, 1)];
  await assert.rejects(store.takeSnapshot(SNAPSHOT, { ...FULL, data }), InvalidSnapshotError);
  assert.deepEqual(store.heads(), []);
});

Deno.test("the very same snapshot is not kept twice", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const { id } = await store.takeSnapshot(SNAPSHOT, FULL);
  await assert.rejects(store.takeSnapshot(SNAPSHOT, FULL), (error) => {
    assert(error instanceof SnapshotExistsError);
    assert.equal(error.id, id);
    return true;
  });
  assert.equal(store.heads().length, 1);
});

Deno.test("snapshots are found by number, by name, and the latest by its time", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const other = { ...DEVICE, name: "r1", uuid: "other", mainId: "serial:1" };
  const take = async (minutes: number, device: typeof DEVICE | typeof other) =>
    (await store.takeSnapshot(snapshotAt(minutes, { device }), FULL)).id;
  const [late, early, strange] = [
    await take(9, DEVICE),
    await take(1, DEVICE),
    await take(5, other),
  ];
  assert.deepEqual(store.heads().map(({ id }) => id), [early, strange, late]);
  assert.deepEqual(store.heads({ name: "r1" }).map(({ id }) => id), [strange]);
  assert.deepEqual(store.heads({ device: { ...DEVICE, name: "new" } }).map(({ id }) => id), [
    early,
    late,
  ]);
  assert.equal(store.find("latest").id, late);
  assert.equal(store.find("latest", { name: "r1" }).id, strange);
  assert.equal(store.find(`${early}`, { name: "r0" }).id, early);
  for (const [reference, filter] of [["99", {}], ["-1", {}], ["r0", {}], ["", {}]] as const) {
    assert.throws(() => store.find(reference, filter), SnapshotNotFoundError);
  }
  assert.throws(() => store.find(`${strange}`, { name: "r0" }), /is not of r0, but of r1/);
  assert.throws(() => store.find("latest", { name: "r2" }), /no snapshot of r2/);
});

Deno.test("a device stays one with a new spare, a new main device and a new name", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const devices = [
    DEVICE,
    { ...DEVICE, uuid: "b", spareSectors: 2 ** 25 },
    { ...DEVICE, uuid: "b", mainId: "serial:2", mainDeviceSectors: 2 ** 41, name: "data" },
    { ...DEVICE, uuid: "c", predecessorUuid: "b", mainId: "serial:2", mainStart: 0 },
  ];
  const ids: number[] = [];
  for (const [minutes, device] of devices.entries()) {
    ids.push((await store.takeSnapshot(snapshotAt(minutes, { device }), FULL)).deviceId);
  }
  assert.deepEqual(ids, [1, 1, 1, 1]);
  const others = [
    { ...DEVICE, uuid: "x", mainSectors: 2 ** 40 - 8 },
    { ...DEVICE, uuid: "y", mainId: "" },
    { ...DEVICE, uuid: "z", mainStart: 4096 },
  ];
  for (const device of others) {
    ids.push((await store.takeSnapshot(snapshotAt(10, { device }), FULL)).deviceId);
  }
  assert.equal(new Set(ids).size, 4);
});

Deno.test("removed snapshots are gone with what only they had, and their numbers are not used again", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const random = Array.from({ length: 100 }, (_, at) => {
    const piece = contentOf(2 ** 39 + at * 2, 2);
    crypto.getRandomValues(piece.bytes as Uint8Array<ArrayBuffer>);
    return piece;
  });
  const withData = true;
  const one = await store.takeSnapshot(snapshotAt(0, { withData }), { ...FULL, data: DATA });
  const two = await store.takeSnapshot(snapshotAt(1, { withData }), {
    ...FULL,
    data: [DATA[0]!, ...random],
  });
  const before = store.sizeBytes();
  const removed = store.remove([two.id, 77]);
  assert.deepEqual(removed.ids, [two.id]);
  assert(removed.freedBytes >= 100 * 1024, `${removed.freedBytes}`);
  assert(store.sizeBytes() < before, "the file did not shrink");
  assert.deepEqual([...store.data(one.id)], DATA);
  assert.deepEqual(store.check().findings, []);
  store.remove([one.id]);
  const three = await store.takeSnapshot(snapshotAt(2), FULL);
  assert(three.id > two.id);
  assert.deepEqual(store.check().findings, []);
});

Deno.test("content that two snapshots have takes the room of one", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const piece = contentOf(2 ** 39, 128);
  crypto.getRandomValues(piece.bytes as Uint8Array<ArrayBuffer>);
  const take = (minutes: number) =>
    store.takeSnapshot(snapshotAt(minutes, { withData: true }), { ...FULL, data: [piece] });
  await take(0);
  store.remove([]);
  const before = pages(folder.file());
  await take(1);
  assert(pages(folder.file()) - before < 4, "the content is there twice");
});

function pages(path: string): number {
  using store = openStore(path, { readOnly: true });
  return Number(store.sizeBytes() >= 0 && Deno.statSync(path).size / 4096);
}

Deno.test("a store that is read only is not written", async () => {
  using folder = new TestFolder();
  openStore(folder.file(), { create: true })[Symbol.dispose]();
  using store = openStore(folder.file(), { readOnly: true });
  await assert.rejects(store.takeSnapshot(SNAPSHOT, FULL), StoreReadOnlyError);
  assert.throws(() => store.remove([1]), StoreReadOnlyError);
});

Deno.test("what is no store is not opened", () => {
  using folder = new TestFolder();
  const options = { create: true };
  assert.throws(() => openStore(folder.file("none.db")), StoreMissingError);
  assert.throws(
    () => openStore(folder.file("none.db"), { readOnly: true, ...options }),
    /no store/,
  );
  assert.throws(() => openStore(folder.path, options), /is no file/);
  Deno.writeTextFileSync(folder.file("empty"), "");
  assert.throws(() => openStore(folder.file("empty")), StoreMissingError);
  Deno.writeTextFileSync(folder.file("text"), "text\n".repeat(1000));
  assert.throws(() => openStore(folder.file("text"), options), /is no store of snapshots/);
  assert.equal(Deno.readTextFileSync(folder.file("text")), "text\n".repeat(1000));
  assert.throws(() => openStore(folder.file("text/below"), options), /cannot be opened/);
});
