// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { connect, pragmaNumber } from "./connection.ts";
import {
  StoreDamagedError,
  StoreMissingError,
  StoreNewerError,
  StoreReadOnlyError,
} from "./errors.ts";
import { ENTRIES, SNAPSHOT, TestFolder } from "./fixture.ts";
import { openStore } from "./open.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { SqliteStore } from "./store.ts";

const NEXT = "ALTER TABLE devices ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";

Deno.test("a store is set up as the documentation says", () => {
  using folder = new TestFolder();
  const database = connect(folder.file(), { create: true });
  assert.equal(pragmaNumber(database, "user_version"), MIGRATIONS.length);
  assert.equal(pragmaNumber(database, "application_id"), APPLICATION_ID);
  assert.equal(pragmaNumber(database, "foreign_keys"), 1);
  assert.equal(pragmaNumber(database, "synchronous"), 2);
  assert.equal(pragmaNumber(database, "auto_vacuum"), 2);
  assert.deepEqual({ ...database.prepare("PRAGMA journal_mode").get() }, { journal_mode: "wal" });
  const tables = database.prepare(
    "SELECT name, strict FROM pragma_table_list WHERE schema = 'main'",
  )
    .all().filter(({ name }) => !String(name).startsWith("sqlite_"));
  assert.equal(tables.length, 6);
  for (const { name, strict } of tables) assert.equal(strict, 1, `${name}`);
  database.close();
});

Deno.test("a store of an older version is brought up to date, with what it holds", async () => {
  using folder = new TestFolder();
  {
    using store = openStore(folder.file(), { create: true });
    await store.takeSnapshot(SNAPSHOT, { entries: ENTRIES });
  }
  const newer = [...MIGRATIONS, NEXT];
  assert.throws(() => connect(folder.file(), { readOnly: true }, newer), StoreReadOnlyError);
  const database = connect(folder.file(), {}, newer);
  assert.equal(pragmaNumber(database, "user_version"), newer.length);
  assert.deepEqual({ ...database.prepare("SELECT note FROM devices").get() }, { note: "none" });
  using store = new SqliteStore(folder.file(), false, database);
  assert.deepEqual([...store.entries(1)], ENTRIES);
});

Deno.test("a migration that fails changes nothing", () => {
  using folder = new TestFolder();
  openStore(folder.file(), { create: true })[Symbol.dispose]();
  const failing = [...MIGRATIONS, `${NEXT}; ALTER TABLE nothing ADD COLUMN more`];
  assert.throws(() => connect(folder.file(), {}, failing), /nothing|read or written/);
  const database = connect(folder.file());
  assert.equal(pragmaNumber(database, "user_version"), MIGRATIONS.length);
  database.close();
});

Deno.test("a store of a later version is refused, whatever is asked of it", () => {
  using folder = new TestFolder();
  connect(folder.file(), { create: true }, [...MIGRATIONS, NEXT]).close();
  for (const options of [{}, { create: true }, { readOnly: true }]) {
    assert.throws(() => openStore(folder.file(), options), (error) => {
      assert(error instanceof StoreNewerError);
      assert.match(error.message, /version 2.*knows 1/);
      return true;
    });
  }
});

Deno.test("a store with triggers, views or other tables than ours is refused", () => {
  const changes = [
    "CREATE TRIGGER more AFTER INSERT ON entries BEGIN DELETE FROM snapshots; END",
    "CREATE VIEW more AS SELECT * FROM snapshots",
    "DROP TABLE bad_slots; CREATE VIEW bad_slots AS SELECT 1 AS snapshot, 2 AS slot, 3 AS length",
    "DROP INDEX contents_by_piece",
    "ALTER TABLE devices ADD COLUMN more TEXT",
  ];
  for (const sql of changes) {
    using folder = new TestFolder();
    openStore(folder.file(), { create: true })[Symbol.dispose]();
    const database = new DatabaseSync(folder.file());
    database.exec(sql);
    database.close();
    for (const options of [{}, { readOnly: true }]) {
      assert.throws(() => openStore(folder.file(), options), StoreDamagedError, sql);
    }
  }
});

Deno.test("another program's database is left alone", () => {
  using folder = new TestFolder();
  const database = new DatabaseSync(folder.file());
  database.exec("CREATE TABLE mine (a)");
  database.close();
  const before = Deno.readFileSync(folder.file());
  for (const options of [{}, { create: true }, { readOnly: true }]) {
    assert.throws(() => openStore(folder.file(), options), StoreDamagedError);
  }
  assert.deepEqual(Deno.readFileSync(folder.file()), before);
});

Deno.test("a database that is empty is no store until one is made of it", () => {
  using folder = new TestFolder();
  const database = new DatabaseSync(folder.file());
  database.exec("PRAGMA journal_mode = WAL; VACUUM");
  database.close();
  assert.throws(() => openStore(folder.file()), StoreMissingError);
  assert.throws(() => openStore(folder.file(), { readOnly: true }), StoreMissingError);
  openStore(folder.file(), { create: true })[Symbol.dispose]();
  openStore(folder.file())[Symbol.dispose]();
});
