// SPDX-License-Identifier: GPL-2.0-only
// File systems that are full, or cannot be written.
import assert from "node:assert/strict";
import { connect } from "./connection.ts";
import { ExportError, StoreFullError, StoreReadOnlyError } from "./errors.ts";
import { contentOf, ENTRIES, SLOTS, snapshotAt, TestFolder } from "./fixture.ts";
import { openStore } from "./open.ts";
import { SqliteStore } from "./store.ts";
import { exportStore } from "./transfer.ts";

const LARGE = [{ first: 2 ** 39, length: 4000, state: "remapped", slot: SLOTS }] as const;

/** Content that does not get smaller. */
function* content(pieces: number) {
  for (let at = 0; at < pieces; at++) {
    const piece = contentOf(2 ** 39 + at, 1);
    crypto.getRandomValues(piece.bytes as Uint8Array<ArrayBuffer>);
    yield piece;
  }
}

Deno.test("a store that may not grow keeps what it has, and takes what still fits", async () => {
  using folder = new TestFolder();
  const database = connect(folder.file(), { create: true });
  using store = new SqliteStore(folder.file(), false, database);
  const take = (minutes: number, pieces: number) =>
    store.takeSnapshot(snapshotAt(minutes, { withData: true }), {
      entries: ENTRIES,
      data: content(pieces),
    });
  const { id } = await take(0, 4);
  const before = [...store.data(id)];
  database.exec("PRAGMA max_page_count = 40");
  await assert.rejects(take(1, 200), StoreFullError);
  assert.equal(store.heads().length, 1);
  assert.deepEqual([...store.data(id)], before);
  await take(2, 4);
  assert.deepEqual(store.check().findings, []);
});

/** Only root mounts; a file system in a file would take as much. */
const ignore = !canMount();

function canMount(): boolean {
  using folder = new TestFolder();
  if (!mount(folder.path, "64k")) return false;
  return unmount(folder.path);
}

function mount(path: string, size: string): boolean {
  return run("mount", "-t", "tmpfs", "-o", `size=${size}`, "none", path);
}

function unmount(path: string): boolean {
  return run("umount", path);
}

function run(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A file system of its own, as long as it is used. */
class SmallDisk implements Disposable {
  readonly #folder = new TestFolder();

  constructor(size: string) {
    assert(mount(this.#folder.path, size));
  }

  file(name = "snapshots.db"): string {
    return this.#folder.file(name);
  }

  remount(options: string): void {
    assert(run("mount", "-o", `remount,${options}`, this.#folder.path));
  }

  [Symbol.dispose](): void {
    assert(unmount(this.#folder.path));
    this.#folder[Symbol.dispose]();
  }
}

Deno.test({
  name: "on a full disk nothing is lost, and the error says what to do",
  ignore,
  async fn() {
    using disk = new SmallDisk("600k");
    const take = async (minutes: number, pieces: number) => {
      using store = openStore(disk.file(), { create: true });
      return await store.takeSnapshot(snapshotAt(minutes, { withData: true }), {
        entries: LARGE,
        data: content(pieces),
      });
    };
    const { id } = await take(0, 10);
    for (const pieces of [900, 3000]) {
      await assert.rejects(take(1, pieces), (error) => {
        assert(error instanceof StoreFullError, `${error}`);
        assert.match(error.cure ?? "", /snapshot prune/);
        return true;
      });
      using store = openStore(disk.file(), { readOnly: true });
      assert.deepEqual(store.heads().map((head) => head.id), [id]);
      assert.deepEqual(store.check().findings, []);
    }
    // Filled to the last byte by somebody else, what is there must still be readable.
    const filler = Deno.openSync(disk.file("filler"), { write: true, create: true });
    assert.throws(() => {
      for (;;) filler.writeSync(new Uint8Array(4096));
    });
    filler.close();
    await assert.rejects(take(2, 1), StoreFullError);
    {
      using store = openStore(disk.file(), { readOnly: true });
      assert.deepEqual([...store.entries(id)], LARGE);
    }
    Deno.removeSync(disk.file("filler"));
    await take(3, 10);
    using store = openStore(disk.file());
    assert.equal(store.heads().length, 2);
    assert.deepEqual(store.check().findings, []);
  },
});

Deno.test({
  name: "a store or an export that finds no room leaves no half of a file",
  ignore,
  async fn() {
    using disk = new SmallDisk("32k");
    assert.throws(() => openStore(disk.file(), { create: true }), StoreFullError);
    using folder = new TestFolder();
    using store = openStore(folder.file(), { create: true });
    const { id } = await store.takeSnapshot(snapshotAt(0), { entries: ENTRIES });
    for (const suffix of ["", "-wal", "-shm"]) removeIfThere(disk.file() + suffix);
    await assert.rejects(exportStore(store, [id], disk.file("copy")), ExportError);
    const left = [...Deno.readDirSync(disk.file("."))].map(({ name }) => name);
    assert.deepEqual(left, []);
  },
});

Deno.test({
  name: "a store on a read-only file system can be read, and not written",
  ignore,
  async fn() {
    using disk = new SmallDisk("2m");
    {
      using store = openStore(disk.file(), { create: true });
      await store.takeSnapshot(snapshotAt(0), { entries: ENTRIES });
    }
    disk.remount("ro");
    {
      using store = openStore(disk.file(), { readOnly: true });
      assert.deepEqual([...store.entries(store.find("latest").id)], ENTRIES);
      assert.deepEqual(store.check().findings, []);
    }
    assert.throws(() => openStore(disk.file()), StoreReadOnlyError);
    assert.throws(() => openStore(disk.file("other"), { create: true }), StoreReadOnlyError);
    disk.remount("rw");
    Deno.writeFileSync(disk.file("snapshots.db-wal"), new Uint8Array(100));
    disk.remount("ro");
    assert.throws(() => openStore(disk.file(), { readOnly: true }), /are in its log/);
  },
});
