// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { Capture } from "../device/capture.ts";
import { BusyError } from "../device/errors.ts";
import { MemoryTerminal } from "../output/memory_terminal.ts";
import { contentOf, SNAPSHOT, TestFolder } from "../store/fixture.ts";
import { openStore } from "../store/open.ts";
import { exitCodeOfAll, type Subject, takeAll, type TakeOutcome } from "./snapshot_taking.ts";
import { Session } from "./support/session.ts";

const RUN = { first: 8, length: 4, state: "remapped", slot: 5000 } as const;

function subject(name: string, changes: Partial<Capture> = {}): Subject {
  const device = { ...SNAPSHOT.device, name, uuid: crypto.randomUUID(), mainId: `serial:${name}` };
  const capture: Capture = {
    facts: { ...SNAPSHOT, device },
    entries: [RUN],
    badSlots: [],
    degraded: false,
    remarks: [],
    async *content() {
      yield await Promise.resolve(contentOf(RUN.first, RUN.length));
    },
    ...changes,
  };
  return { name, capture: (use) => use(capture) };
}

const failing = (name: string): Subject => ({
  name,
  capture: () => Promise.reject(new BusyError("never holds still", { device: name })),
});

async function take(withData: boolean, ...subjects: Subject[]): Promise<TakeOutcome[]> {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const session = new Session({ terminal: new MemoryTerminal() });
  session.begin({});
  return await takeAll(session, subjects, { store, withData, reason: "test" });
}

Deno.test("relocated sectors of which no content could be kept are told of, and end with 3", async () => {
  const broken = subject("r0", {
    // deno-lint-ignore require-yield
    async *content(losses) {
      losses.unreadableSectors += await Promise.resolve(4);
    },
  });
  const [outcome] = await take(true, broken);
  assert.deepEqual([outcome?.state, outcome?.exitCode], ["taken", 3]);
  assert.match(outcome?.remarks.join() ?? "", /^4 relocated sectors could not be read/);
  const [whole] = await take(true, subject("r0"));
  assert.deepEqual([whole?.exitCode, whole?.remarks, whole?.head?.dataBytes], [0, [], 2048]);
});

Deno.test("a failure counts before a device that is unwell, and the first one before others", async () => {
  const unwell = subject("unwell", { degraded: true });
  const all = await take(false, unwell, failing("busy"), subject("well"));
  assert.deepEqual(all.map(({ state, exitCode }) => [state, exitCode]), [
    ["taken", 3],
    ["failed", 5],
    ["taken", 0],
  ]);
  assert.equal(exitCodeOfAll(all), 5);
  assert.equal(exitCodeOfAll(await take(false, subject("well"), unwell)), 3);
  assert.equal(exitCodeOfAll(await take(false, subject("well"))), 0);
  assert.equal(exitCodeOfAll([]), 0);
});
