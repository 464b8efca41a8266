// SPDX-License-Identifier: GPL-2.0-only
// Snapshots of devices in use, and of spares that are not: they say what is there, at one moment.
import { openImage } from "../../../metadata/image.ts";
import { captureOffline } from "../../../device/capture_offline.ts";
import type { Store } from "../../../store/types.ts";
import { check, checkEqual, CheckError } from "../../check.ts";
import { newGeneration } from "../../content.ts";
import { findMismatch } from "../../pattern.ts";
import { Random } from "../../random.ts";
import type { Rig } from "../../rig.ts";
import { inBackground } from "../../tasks.ts";
import { pause } from "../errors/here.ts";
import type { PersistenceBench, PersistencePart } from "../persistence/bench.ts";
import { EVERYTHING, meetEverything } from "../persistence/everything.ts";
import { liveView } from "../persistence/view.ts";
import { checkStore, makeStore, placesIn, take, takeLive } from "./bench.ts";

async function saysWhatIsThere(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const store = makeStore(bench);
  const { digest, badSectors } = await bench.life(pair, async (rig) => {
    await meetEverything(rig, pair);
    const { head, losses } = await takeLive(store, rig, true);
    const view = await liveView(rig);
    checkEqual("the snapshot's places", placesIn(store, head), view.places);
    checkEqual("its counts", [head.remappedSectors, head.pendingSectors, head.badSectors], [
      ...[EVERYTHING.remapped, EVERYTHING.pending, EVERYTHING.badSlots],
    ]);
    const kept = head.dataBytes / 512 + losses.unreadableSectors + head.lostSectors;
    checkEqual("relocated sectors with content, and without", kept, head.remappedSectors);
    return head;
  });
  using image = openImage(pair.raw.spare.path);
  const { head } = await take(store, captureOffline(image), true);
  checkEqual("the digest of the spare that is not in use", head.digest, digest);
  checkEqual("its bad slots", head.badSectors, badSectors);
  checkStore(store);
}

/** Sectors this far apart are relocated by one message. */
const APART = 1024;
/** More than the target lists in one reply. */
const PAIRS = 400;

/** Relocates pair after pair; rests long enough for somebody who looks again. */
async function relocatePairs(rig: Rig, goesOn: () => boolean): Promise<void> {
  for (let pair = 0; pair < PAIRS && goesOn(); pair++) {
    const first = 2 * pair % APART + Math.floor(2 * pair / APART);
    await rig.send(`remap ${first} 1 ${first + APART} 1`);
    if (pair >= 150) await pause(pair % 8 === 0 ? 120 : 2);
  }
}

function checkPairs(store: Store, id: number): number {
  const relocated = new Set(
    [...store.entries(id)].flatMap(({ first, length }) =>
      Array.from({ length }, (_, at) => first + at)
    ),
  );
  for (const sector of relocated) {
    const twin = sector < APART ? sector + APART : sector - APART;
    check(`snapshot ${id}: sector ${twin}, relocated along with ${sector}`, relocated.has(twin), {
      expected: "relocated",
      seen: "on main",
    });
  }
  return relocated.size;
}

async function isOfOneMoment(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const store = makeStore(bench);
  await bench.life(pair, async (rig) => {
    let running = true;
    const moving = inBackground([relocatePairs(rig, () => running)]);
    const sizes: number[] = [];
    for (let round = 0; round < 5; round++) {
      const { head } = await takeLive(store, rig);
      sizes.push(checkPairs(store, head.id));
      await pause(150);
    }
    running = false;
    await moving;
    check("the table while it was looked at", new Set(sizes).size > 1, {
      expected: "changed",
      seen: sizes,
    });
  }, { features: ["max_remaps", "0"], spareLength: pair.spare.sectors });
  checkStore(store);
}

async function writeOn(rig: Rig, random: Random, goesOn: () => boolean): Promise<void> {
  while (goesOn()) await rig.write(100 + random.below(150), random.between(1, 40));
}

/** The content of each sector is that of one write of this very sector, of those in question. */
async function keepsWholeContent(bench: PersistenceBench): Promise<void> {
  const pair = await bench.pair();
  const store = makeStore(bench);
  await bench.life(pair, async (rig) => {
    await rig.relocate(100, 190);
    await rig.write(100, 190);
    const oldest = rig.content.generation(100);
    let running = true;
    const random = new Random(bench.seed);
    const writing = inBackground([writeOn(rig, random, () => running)]);
    const { head } = await takeLive(store, rig, true);
    running = false;
    await writing;
    checkEqual("bytes of content", head.dataBytes, 190 * 512);
    const newest = newGeneration();
    for (const { first, bytes } of store.data(head.id)) {
      checkPiece(new Uint8Array(bytes), first, oldest, newest);
    }
  });
  checkStore(store);
}

function checkPiece(
  bytes: Uint8Array<ArrayBuffer>,
  first: number,
  oldest: number,
  newest: number,
): void {
  for (let at = 0; at < bytes.length; at += 512) {
    const sector = first + at / 512;
    const one = bytes.slice(at, at + 512);
    const generation = new DataView(one.buffer).getUint32(8, true);
    const mismatch = findMismatch(one, sector, () => generation);
    if (mismatch === undefined && generation >= oldest && generation < newest) continue;
    throw new CheckError(
      `the content of sector ${sector}`,
      `sector ${sector} of a write from ${oldest} on`,
      mismatch?.seen ?? `write ${generation}`,
    );
  }
}

export const TAKEN: PersistencePart = {
  name: "1 snapshots that are taken",
  cases: [
    { name: "promise 6: in use, and not in use, they say what is there", run: saysWhatIsThere },
    { name: "promise 6: of one moment, while the table changes", run: isOfOneMoment },
    { name: "promise 3: whole sectors, while they are written", run: keepsWholeContent },
  ],
};
