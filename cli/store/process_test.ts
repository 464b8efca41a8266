// SPDX-License-Identifier: GPL-2.0-only
// Several processes with one store.
import assert from "node:assert/strict";
import { StoreBusyError } from "./errors.ts";
import { ENTRIES, SNAPSHOT, snapshotAt, TestFolder } from "./fixture.ts";
import { openStore } from "./open.ts";

function spawn(...args: string[]): Deno.ChildProcess {
  const script = new URL("./test_process.ts", import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Holds the right to write, until it is killed. */
async function holder(path: string): Promise<Deno.ChildProcess> {
  const child = spawn("hold", path);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "holding\n");
  reader.releaseLock();
  return child;
}

async function end(child: Deno.ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await child.stdout.cancel();
  await child.stderr.cancel();
  await child.status;
}

Deno.test("processes that make a store and write to it at once get all of theirs in", async () => {
  using folder = new TestFolder();
  const [processes, each] = [3, 8];
  const children = Array.from(
    { length: processes },
    (_, at) => spawn("take", folder.file(), `${at * each}`, `${each}`),
  );
  for (const child of children) {
    const { success, stderr } = await child.output();
    assert(success, new TextDecoder().decode(stderr));
  }
  using store = openStore(folder.file(), { readOnly: true });
  assert.equal(store.heads().length, processes * each);
  assert.equal(new Set(store.heads().map(({ deviceId }) => deviceId)).size, 1);
  assert.deepEqual(store.check().findings, []);
});

Deno.test("who cannot write in time is told so, and readers do not wait", async () => {
  using folder = new TestFolder();
  {
    using store = openStore(folder.file(), { create: true });
    await store.takeSnapshot(SNAPSHOT, { entries: ENTRIES });
  }
  const child = await holder(folder.file());
  try {
    using store = openStore(folder.file(), { busyTimeoutMs: 50 });
    await assert.rejects(
      store.takeSnapshot(snapshotAt(1), { entries: ENTRIES }),
      (error) => error instanceof StoreBusyError && /too long/.test(error.reason),
    );
    assert.throws(() => store.remove([1]), StoreBusyError);
    using reader = openStore(folder.file(), { readOnly: true, busyTimeoutMs: 50 });
    assert.deepEqual([...reader.entries(reader.find("latest").id)], ENTRIES);
    assert.deepEqual(reader.check().findings, []);
  } finally {
    await end(child);
  }
});

Deno.test("a process that is killed while it writes leaves what was there, and no lock", async () => {
  using folder = new TestFolder();
  {
    using store = openStore(folder.file(), { create: true });
    await store.takeSnapshot(SNAPSHOT, { entries: ENTRIES });
  }
  await end(await holder(folder.file()));
  using store = openStore(folder.file(), { busyTimeoutMs: 1000 });
  assert.deepEqual(store.heads().map(({ takenAt }) => takenAt), [SNAPSHOT.takenAt]);
  await store.takeSnapshot(snapshotAt(1), { entries: ENTRIES });
  assert.deepEqual(store.check().findings, []);
});
