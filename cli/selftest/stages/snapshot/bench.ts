// SPDX-License-Identifier: GPL-2.0-only
// How the cases take snapshots, into a store of their own.
import { type Capture, captureLive } from "../../../device/capture.ts";
import { type ContentLosses, noLosses } from "../../../device/capture_content.ts";
import { RemapDevice } from "../../../device/remap_device.ts";
import { openStore } from "../../../store/open.ts";
import type { NewSnapshot, SnapshotEntry, SnapshotHead, Store } from "../../../store/types.ts";
import { checkEqual } from "../../check.ts";
import type { Rig } from "../../rig.ts";
import type { PersistenceBench } from "../persistence/bench.ts";
import { describeRuns } from "../persistence/view.ts";

let made = 0;

/** A store as long as the case lasts. */
export function makeStore(bench: PersistenceBench): Store {
  const path = `${bench.workdir}/snapshots${made++}.db`;
  const store = bench.scope.use(path, openStore(path, { create: true }));
  bench.scope.defer(path, () => Deno.remove(path));
  return store;
}

export interface Taken {
  readonly head: SnapshotHead;
  readonly losses: ContentLosses;
}

export async function take(store: Store, capture: Capture, withData: boolean): Promise<Taken> {
  const snapshot: NewSnapshot = {
    ...capture.facts,
    takenAt: new Date().toISOString(),
    reason: "selftest",
    host: "here",
    toolVersion: "0",
    withData,
  };
  const losses = noLosses();
  const head = await store.takeSnapshot(snapshot, {
    entries: capture.entries,
    badSlots: capture.badSlots,
    ...withData ? { data: capture.content(losses) } : {},
  });
  return { head, losses };
}

export async function takeLive(store: Store, rig: Rig, withData = false): Promise<Taken> {
  return await take(store, await captureLive(RemapDevice.open(rig.dm, rig.name)), withData);
}

/** What a snapshot says, in the words of the target. */
export function placesIn(store: Store, { id, device }: SnapshotHead): string[] {
  return describeRuns([...store.entries(id)].map(({ first, length, state, slot }) => ({
    first,
    count: length,
    place: WORDS[state],
    slot: slot === 0 ? undefined : slot + device.spareStart,
  })));
}

const WORDS: Readonly<Record<SnapshotEntry["state"], string>> = {
  remapped: "remapped",
  lost: "lost",
  unreadable: "lost",
  wrong_slot: "lost",
  pending: "pending",
  wrong: "pending",
};

/** Nothing in the store is damaged. */
export function checkStore(store: Store): void {
  checkEqual("what a check of the store finds", store.check().findings, []);
}
