// SPDX-License-Identifier: GPL-2.0-only
// Whatever becomes of the file: what is read is what was written, or an error.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StoreDamagedError, StoreError } from "./errors.ts";
import { BAD_SLOTS, contentOf, DATA, ENTRIES, snapshotAt, TestFolder } from "./fixture.ts";
import { openStore } from "./open.ts";
import { importSnapshots } from "./transfer.ts";
import type { Store } from "./types.ts";

/** So many bytes are left alone between two that are changed. */
const STRIDE = 251;

interface Truth {
  readonly bytes: Uint8Array;
  /** What each says, by number. */
  readonly snapshots: ReadonlyMap<number, string>;
}

/** A store whose tables fill several pages, so that there are inner pages of each kind. */
async function makeTruth(): Promise<Truth> {
  using folder = new TestFolder();
  {
    using store = openStore(folder.file(), { create: true });
    for (let minutes = 0; minutes < 6; minutes++) {
      const many = Array.from({ length: minutes === 3 ? 400 : 3 }, (_, at) => ({
        first: 1000 + at * 3,
        length: 1 + at % 2,
        state: "remapped" as const,
        slot: 10_000 + at * 2,
      }));
      const entries = [...ENTRIES.slice(0, 3), ...many, ...ENTRIES.slice(3)];
      const withData = minutes % 2 === 0;
      const data = withData ? DATA : [];
      await store.takeSnapshot(snapshotAt(minutes, { withData }), {
        entries,
        badSlots: BAD_SLOTS,
        data,
      });
    }
  }
  const bytes = Deno.readFileSync(folder.file());
  using store = openStore(folder.file(), { readOnly: true });
  const ids = store.heads().map(({ id }) => id);
  return { bytes, snapshots: new Map(ids.map((id) => [id, contentsOf(store, id)])) };
}

/** All but the group that its device is in, as a text: that is quick to compare. */
function contentsOf(store: Store, id: number): string {
  const { deviceId: _group, ...head } = store.head(id);
  const data = Array.from(
    store.data(id),
    ({ bytes, ...piece }) => ({ ...piece, hex: bytes.toHex() }),
  );
  const all = { head, entries: [...store.entries(id)], badSlots: [...store.badSlots(id)], data };
  return JSON.stringify(all, (_key, value) => typeof value === "bigint" ? `${value}` : value);
}

/** `undefined` if it throws what it may throw. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    assert(error instanceof StoreError, `${error instanceof Error ? error.stack : error}`);
    return undefined;
  }
}

/** @returns was anything found to be wrong? */
function examine(path: string, truth: Truth, where: string): boolean {
  const store = attempt(() => openStore(path, { readOnly: true }));
  if (store === undefined) return true;
  using _closed = store;
  const report = attempt(() => store.check());
  const isFound = report === undefined || report.findings.length > 0;
  const heads = attempt(() => store.heads());
  if (heads === undefined || heads.length !== truth.snapshots.size) assert(isFound, where);
  for (const [id, expected] of truth.snapshots) {
    const isWhole = attempt(() => contentsOf(store, id) === expected);
    if (isWhole === undefined) assert(isFound, `${where}: check does not see what is wrong`);
    else assert(isWhole, `${where}: snapshot ${id} is another one`);
  }
  return isFound;
}

Deno.test("a byte changed anywhere is found, or changes nothing", async () => {
  const truth = await makeTruth();
  using folder = new TestFolder();
  let found = 0;
  for (let at = 0; at < truth.bytes.length; at += at < 100 ? 3 : STRIDE) {
    const bytes = truth.bytes.slice();
    bytes[at]! ^= at % 2 === 0 ? 1 << at % 8 : 0xff;
    Deno.writeFileSync(folder.file(), bytes);
    if (examine(folder.file(), truth, `byte ${at}`)) found++;
  }
  // Most of the file is rows; a test that finds nothing would look at something else.
  assert(found * STRIDE > truth.bytes.length / 4, `found ${found}`);
});

Deno.test("pages of zeroes, of rubbish, exchanged or missing are found", async () => {
  const truth = await makeTruth();
  using folder = new TestFolder();
  const pages = truth.bytes.length / 4096;
  const pageAt = (page: number) => truth.bytes.subarray(page * 4096, (page + 1) * 4096);
  for (let page = 0; page < pages; page++) {
    const other = pageAt((page + 1) % pages);
    for (const replacement of [new Uint8Array(4096), new Uint8Array(4096).fill(0xa5), other]) {
      const bytes = truth.bytes.slice();
      bytes.set(replacement, page * 4096);
      Deno.writeFileSync(folder.file(), bytes);
      examine(folder.file(), truth, `page ${page}`);
    }
    Deno.writeFileSync(folder.file(), truth.bytes.subarray(0, page * 4096 + 2048));
    assert(examine(folder.file(), truth, `${page} pages`), `${page} pages`);
  }
});

Deno.test("a damaged store is not written to as if it were whole", async () => {
  const truth = await makeTruth();
  using folder = new TestFolder();
  for (let at = 5; at < truth.bytes.length; at += STRIDE * 17) {
    const bytes = truth.bytes.slice();
    bytes[at]! ^= 0xff;
    Deno.writeFileSync(folder.file(), bytes);
    const store = attempt(() => openStore(folder.file()));
    if (store === undefined) continue;
    using _closed = store;
    try {
      const { id } = await store.takeSnapshot(snapshotAt(100), { entries: ENTRIES });
      assert.deepEqual([...store.entries(id)], ENTRIES);
      store.remove([id]);
    } catch (error) {
      assert(error instanceof StoreError, `byte ${at}: ${error}`);
    }
  }
});

Deno.test("nothing of a damaged list is given, not even what is before the damage", async () => {
  const damage: Record<string, (database: DatabaseSync) => void> = {
    entries: (database) => database.exec("UPDATE entries SET slot = slot + 1 WHERE first >= 2000"),
    badSlots: (database) => database.exec("UPDATE bad_slots SET length = 2 WHERE slot = 20000"),
    data: (database) => database.exec("UPDATE contents SET first = 3 WHERE first = 2"),
  };
  for (const [list, change] of Object.entries(damage)) {
    using folder = new TestFolder();
    {
      using store = openStore(folder.file(), { create: true });
      const entries = [{ first: 0, length: 1000, state: "remapped", slot: 30_000 }, {
        first: 2000,
        length: 1,
        state: "lost",
        slot: 40_000,
      }] as const;
      const badSlots = [{ slot: 10_000, length: 1 }, { slot: 20_000, length: 1 }];
      const data = [contentOf(0, 1), contentOf(2, 1)];
      await store.takeSnapshot(snapshotAt(0, { withData: true }), { entries, badSlots, data });
    }
    const database = new DatabaseSync(folder.file());
    change(database);
    database.close();
    using store = openStore(folder.file(), { readOnly: true });
    const lists = { entries: store.entries(1), badSlots: store.badSlots(1), data: store.data(1) };
    const damaged = lists[list as keyof typeof lists][Symbol.iterator]();
    assert.throws(() => damaged.next(), StoreDamagedError, list);
    assert.notDeepEqual(store.check().findings, []);
  }
});

for (const hidden of ["snapshots", "sqlite_autoindex_snapshots_1"]) {
  Deno.test(`a snapshot that a page of ${hidden} hides does not make an older one the latest`, async () => {
    using folder = new TestFolder();
    {
      using store = openStore(folder.file(), { create: true });
      for (const minutes of [0, 1]) {
        await store.takeSnapshot(snapshotAt(minutes), { entries: ENTRIES });
      }
    }
    const database = new DatabaseSync(folder.file(), { readOnly: true });
    const { rootpage } = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?")
      .get(hidden) ?? {};
    database.close();
    const bytes = Deno.readFileSync(folder.file());
    // How many rows there are on the page.
    const count = new DataView(bytes.buffer, (Number(rootpage) - 1) * 4096 + 3, 2);
    assert.equal(count.getUint16(0), 2);
    count.setUint16(0, 1);
    Deno.writeFileSync(folder.file(), bytes);
    using store = openStore(folder.file(), { readOnly: true });
    assert.throws(() => store.find("latest"), /names \d snapshots, and \d are there/);
    assert.deepEqual([...store.entries(1)], ENTRIES);
    assert.notDeepEqual(store.check().findings, []);
  });
}

Deno.test("what is whole in a damaged store is saved by importing it into another", async () => {
  using folder = new TestFolder();
  {
    using store = openStore(folder.file(), { create: true });
    for (const minutes of [0, 1, 2, 3]) {
      await store.takeSnapshot(snapshotAt(minutes), { entries: ENTRIES });
    }
  }
  const database = new DatabaseSync(folder.file());
  database.exec("UPDATE snapshots SET reason = 'none' WHERE id = 2");
  database.exec("DELETE FROM entries WHERE snapshot = 3 AND first = 8");
  database.close();
  using other = openStore(folder.file("other.db"), { create: true });
  await assert.rejects(importSnapshots(other, folder.file()), (error) => {
    assert(error instanceof StoreDamagedError);
    assert.match(error.reason, /damaged: 2, 3; taken over were 2 others/);
    return true;
  });
  assert.deepEqual(other.heads().map(({ takenAt }) => takenAt), [
    snapshotAt(0).takenAt,
    snapshotAt(3).takenAt,
  ]);
  assert.deepEqual(other.check().findings, []);
});

Deno.test("content that was damaged since is mended by a snapshot that has it, too", async () => {
  using folder = new TestFolder();
  const take = async (minutes: number) => {
    using store = openStore(folder.file(), { create: true });
    const snapshot = snapshotAt(minutes, { withData: true });
    const piece = { ...DATA[0]!, bytes: RANDOM };
    return (await store.takeSnapshot(snapshot, { entries: ENTRIES, data: [piece] })).id;
  };
  const id = await take(0);
  const bytes = Deno.readFileSync(folder.file());
  const at = bytes.findIndex((_, start) =>
    RANDOM.every((byte, index) => byte === bytes[start + index])
  );
  bytes[at + 100]! ^= 1;
  Deno.writeFileSync(folder.file(), bytes);
  {
    using store = openStore(folder.file());
    assert.throws(() => [...store.data(id)], StoreDamagedError);
    assert.deepEqual(store.check().findings.map((finding) => [finding.code, finding.id]), [[
      "content",
      id,
    ]]);
  }
  await take(1);
  using store = openStore(folder.file());
  assert.deepEqual([...store.data(id)][0]!.bytes, RANDOM);
  assert.deepEqual(store.check().findings, []);
});

const RANDOM = crypto.getRandomValues(new Uint8Array(2048));
