// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ExportError,
  ImportDamagedError,
  ImportError,
  SnapshotNotFoundError,
  StoreError,
} from "./errors.ts";
import {
  anyEntries,
  BAD_SLOTS,
  DATA,
  DEVICE,
  ENTRIES,
  SNAPSHOT,
  snapshotAt,
  TestFolder,
} from "./fixture.ts";
import { openStore } from "./open.ts";
import { exportJson, exportStore, importSnapshots, snapshotJson } from "./transfer.ts";
import type { Store } from "./types.ts";

const FULL = { entries: ENTRIES, badSlots: BAD_SLOTS, data: DATA };
const WITH_DATA = { ...SNAPSHOT, withData: true };

/** All that a store knows of a snapshot but its numbers. */
function contentsOf(store: Store, id: number) {
  const { id: _id, deviceId: _deviceId, ...head } = store.head(id);
  return {
    head,
    entries: [...store.entries(id)],
    badSlots: [...store.badSlots(id)],
    data: [...store.data(id)],
  };
}

const WAYS = {
  JSON: (store: Store, id: number, path: string) => exportJson(store, id, path),
  SQLite: (store: Store, id: number, path: string) => exportStore(store, [id], path),
};

for (const [format, write] of Object.entries(WAYS)) {
  Deno.test(`a snapshot goes to another store as ${format}, and comes there once`, async () => {
    using folder = new TestFolder();
    using from = openStore(folder.file("from.db"), { create: true });
    using to = openStore(folder.file("to.db"), { create: true });
    await to.takeSnapshot(snapshotAt(-1), { entries: [] });
    const { id } = await from.takeSnapshot(WITH_DATA, FULL);
    await write(from, id, folder.file("copy"));
    const [first, second] = [
      await importSnapshots(to, folder.file("copy")),
      await importSnapshots(to, folder.file("copy")),
    ];
    assert.deepEqual(first.map(({ isNew }) => isNew), [true]);
    assert.deepEqual(second.map(({ isNew }) => isNew), [false]);
    assert.equal(second[0]!.head.id, first[0]!.head.id);
    assert.deepEqual(contentsOf(to, first[0]!.head.id), contentsOf(from, id));
    assert.equal(to.heads().length, 2);
    assert.deepEqual(to.check().findings, []);
    assert.equal(Deno.statSync(folder.file("copy")).mode! & 0o777, 0o600);
    const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name.startsWith("copy")), ["copy"]);
  });

  Deno.test(`an export as ${format} replaces nothing unasked, and leaves nothing behind`, async () => {
    using folder = new TestFolder();
    using store = openStore(folder.file(), { create: true });
    const { id } = await store.takeSnapshot(WITH_DATA, FULL);
    Deno.writeTextFileSync(folder.file("taken"), "mine");
    await assert.rejects(write(store, id, folder.file("taken")), ExportError);
    assert.equal(Deno.readTextFileSync(folder.file("taken")), "mine");
    await assert.rejects(write(store, 99, folder.file("none")), SnapshotNotFoundError);
    await assert.rejects(write(store, id, folder.file("taken/none")), ExportError);
    const left = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => !name.startsWith("snapshots.db")), ["taken"]);
  });
}

Deno.test("an exported store has several snapshots, and can be opened as one without its folder", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const ids: number[] = [];
  for (const minutes of [0, 1, 2]) {
    ids.push(
      (await store.takeSnapshot(snapshotAt(minutes), {
        entries: ENTRIES,
      })).id,
    );
  }
  await exportStore(store, [ids[0]!, ids[2]!], folder.file("copy"));
  await exportStore(store, ids, folder.file("copy"), { overwrite: true });
  using copy = openStore(folder.file("copy"), { readOnly: true });
  assert.equal(copy.heads().length, 3);
});

Deno.test("exported JSON is one document that says all, exactly", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const { id, seal } = await store.takeSnapshot(WITH_DATA, FULL);
  const document = JSON.parse([...snapshotJson(store, id)].join(""));
  assert.equal(document.schema_version, 1);
  assert.equal(document.kind, "dm-remap snapshot");
  assert.equal(document.snapshot.seal, seal);
  assert.equal(document.snapshot.identity.length_sectors, DEVICE.mainSectors);
  assert.deepEqual(document.snapshot.counters, {
    remapped_sectors: 9,
    read_errors: `${2n ** 60n}`,
  });
  assert.deepEqual(document.entries[3], {
    start_sectors: 2 ** 39,
    length_sectors: 200,
    state: "remapped",
    slot_sectors: 4112,
  });
  assert.deepEqual(document.bad_slots, [{ slot_sectors: 9000, length_sectors: 3 }]);
  assert.equal(document.data.length, 3);
});

Deno.test("any table survives JSON", async () => {
  await fc.assert(
    fc.asyncProperty(anyEntries(), fc.nat(), async (entries, generation) => {
      using folder = new TestFolder();
      using from = openStore(folder.file("from.db"), { create: true });
      using to = openStore(folder.file("to.db"), { create: true });
      const { id } = await from.takeSnapshot({ ...SNAPSHOT, generation }, { entries });
      await exportJson(from, id, folder.file("copy"));
      const [imported] = await importSnapshots(to, folder.file("copy"));
      assert.deepEqual(contentsOf(to, imported!.head.id), contentsOf(from, id));
    }),
    { numRuns: 25 },
  );
});

/** Changes the text of an export, and imports that. */
async function importChanged(change: (text: string) => string | Uint8Array) {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  using to = openStore(folder.file("to.db"), { create: true });
  const { id } = await store.takeSnapshot(WITH_DATA, FULL);
  const text = [...snapshotJson(store, id)].join("");
  const changed = change(text);
  assert.notEqual(changed, text, "nothing was changed");
  const bytes = typeof changed === "string" ? new TextEncoder().encode(changed) : changed;
  Deno.writeFileSync(folder.file("changed"), bytes);
  try {
    return await importSnapshots(to, folder.file("changed"));
  } finally {
    const known = to.heads().map((head) => head.seal === store.head(id).seal);
    assert(known.every(Boolean), "something else came into the store");
  }
}

Deno.test("a document that was written anew by another program comes in as well", async () => {
  for (const indent of [0, 4]) {
    await importChanged((text) => JSON.stringify(JSON.parse(text), null, indent));
  }
  await importChanged((text) =>
    JSON.stringify({ later: [1, [2, { a: "}" }], '"\\'], ...JSON.parse(text), more: { b: [3] } })
  );
});

const CHANGES: Record<string, (text: string) => string | Uint8Array> = {
  "another sector": (text) => text.replace('"start_sectors":8', '"start_sectors":7'),
  "another state": (text) => text.replace('"state":"lost"', '"state":"remapped"'),
  "a state of nobody's": (text) => text.replace('"state":"lost"', '"state":"well"'),
  "half a sector": (text) => text.replace('"start_sectors":8', '"start_sectors":8.5'),
  "a missing entry": (text) => text.replace(/\n\{"start_sectors":8.*\n/, "\n"),
  "no entries": (text) => text.replace(/"entries":\[[^]*?\]/, '"entries":[]'),
  "no list of entries": (text) => text.replace(/"entries":\[[^]*?\],\n/, ""),
  "other content": (text) => text.replace('"base64":"AAAA', '"base64":"AAAB'),
  "no base64": (text) => text.replace('"base64":"AAAA', '"base64":"!AAA'),
  "no content": (text) => text.replace(/"data":\[[^]*\]/, '"data":[]'),
  "another reason": (text) => text.replace("before the", "after the"),
  "another device": (text) => text.replace("wwn:0x5000", "wwn:0x5001"),
  "another counter": (text) =>
    text.replace('"remapped_sectors":9}', '"remapped_sectors":8}')
      .replace('"remapped_sectors":9,', '"remapped_sectors":8,'),
  "a counter that is none": (text) => text.replace(`"${2n ** 60n}"`, '"many"'),
  "another kind": (text) => text.replace("dm-remap snapshot", "dm-remap picture"),
  "a later version": (text) => text.replace('"schema_version":1', '"schema_version":2'),
  "no seal": (text) => text.replace(/"seal":"[0-9a-f]*",/, ""),
  "another order": (text) => {
    const { data, entries, ...rest } = JSON.parse(text);
    return JSON.stringify({ ...rest, data, entries });
  },
  "its lists first": (text) => {
    const { snapshot, ...rest } = JSON.parse(text);
    return JSON.stringify({ ...rest, snapshot });
  },
  "half of it": (text) => text.slice(0, text.length / 2),
  "its last bracket missing": (text) => text.trimEnd().slice(0, -1),
  "something behind": (text) => `${text}{}`,
  "bytes that are no text": (text) => {
    const bytes = new TextEncoder().encode(text);
    bytes[text.indexOf("before the")] = 0xff;
    return bytes;
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`a document is refused with ${what}`, async () => {
    await assert.rejects(importChanged(change), ImportError);
  });
}

Deno.test("what was ours is damaged, what never was is refused", async () => {
  const half = importChanged((text) => text.slice(0, text.length / 2));
  await assert.rejects(half, ImportDamagedError);
  const foreign = importChanged((text) => text.replace('"kind":"dm-remap', '"kind":"'));
  await assert.rejects(foreign, (error) => !(error instanceof ImportDamagedError));
  const newer = importChanged((text) => text.replace('"schema_version":1', '"schema_version":2'));
  await assert.rejects(newer, (error) => !(error instanceof ImportDamagedError));
});

Deno.test("what is no export is refused", async () => {
  for (
    const text of ["", "[]", "{}", "{", "null", "text", '{"kind":', "\u0000", '{"a":1}', '{"a" 1}']
  ) {
    using folder = new TestFolder();
    using store = openStore(folder.file(), { create: true });
    Deno.writeTextFileSync(folder.file("copy"), text);
    await assert.rejects(importSnapshots(store, folder.file("copy")), ImportError, text);
    await assert.rejects(importSnapshots(store, folder.file("none")), ImportError);
    await assert.rejects(importSnapshots(store, folder.path), ImportError);
    Deno.writeTextFileSync(folder.file("sql"), "SQLite format 3\0 and no more".repeat(99));
    await assert.rejects(importSnapshots(store, folder.file("sql")), StoreError);
  }
});

Deno.test("a document cut off anywhere is refused", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  using to = openStore(folder.file("to.db"), { create: true });
  const { id } = await store.takeSnapshot(SNAPSHOT, { entries: ENTRIES, badSlots: BAD_SLOTS });
  const text = [...snapshotJson(store, id)].join("").trimEnd();
  for (let length = 0; length < text.length; length += 7) {
    Deno.writeTextFileSync(folder.file("cut"), text.slice(0, length));
    await assert.rejects(importSnapshots(to, folder.file("cut")), ImportError, `${length}`);
  }
  assert.deepEqual(to.heads(), []);
});
