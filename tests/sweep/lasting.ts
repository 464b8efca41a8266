// SPDX-License-Identifier: GPL-2.0-only
//
// After the fault, of a table that lasts: what the spare says by itself, and what is there again
// after a restart.
import type { Place } from "../../cli/device/messages.ts";
import { hasSlot, shownAs } from "../../cli/metadata/extent.ts";
import type { Metadata } from "../../cli/metadata/load.ts";
import { outcomeOf } from "../model/guest_device.ts";
import { contract, PromiseBroken } from "../model/promises.ts";
import { sectorsOf } from "../suite/guest/range.ts";
import type { Blame } from "./blame.ts";
import { within } from "./time.ts";
import type { Trial } from "./trial.ts";

/** 4: of the metadata only what nobody would read is in a cache. */
export async function checkMetadataIsDurable(
  { rig }: Trial,
  unflushed: ReadonlySet<number>,
): Promise<void> {
  const waiting = [...unflushed].filter((sector) => rig.isMetadata(sector));
  if (waiting.length === 0) return;
  const { first, count } = await rig.staleCheckpoint();
  for (const sector of waiting) {
    if (sector >= first && sector < first + count) continue;
    throw new PromiseBroken(
      "promise 4, a commit lasts before it counts",
      `spare sector ${sector}, which is metadata, is in a cache only`,
    );
  }
}

/** 7: read-only when there is no other way, and then loudly. @returns whether it is */
export async function checkMode({ rig }: Trial, blame: Blame): Promise<boolean> {
  const { mode, health } = rig.target.status();
  if (mode === "rw") return false;
  if (mode !== "ro" || !blame.mayBeReadOnly) {
    throw new PromiseBroken("promise 7, what can be written is written", `mode=${mode}`);
  }
  contract(health === "critical" || health === "failed", `health=${health} with mode=ro`);
  const reasons = await within(rig.target.send("health"), "health");
  contract(reasons.includes("metadata_ro"), `the reasons are ${reasons}`);
  const saved = await within(outcomeOf(rig.target.send("save")), "save, read-only");
  contract(!saved.ok && saved.code === "EROFS", "save succeeded with mode=ro");
  return true;
}

/** Sector by sector, as `verify` says it. */
function live(places: readonly Place[]): Map<number, string> {
  const sectors = new Map<number, string>();
  for (const { sector, count, place, spareSector } of places) {
    if (place === "main") continue;
    for (let i = 0; i < Number(count); i++) {
      const slot = spareSector === undefined ? "" : ` ${Number(spareSector) + i}`;
      sectors.set(Number(sector) + i, `${place}${slot}`);
    }
  }
  return sectors;
}

/** The same from the metadata. */
function stored(metadata: Metadata): Map<number, string> {
  const { spareStart } = metadata.superblock;
  const sectors = new Map<number, string>();
  for (const { first, length, slot, state } of metadata.extents()) {
    if (state === "bad") continue;
    const word = shownAs(state);
    for (const i of sectorsOf({ first: 0, count: length })) {
      sectors.set(first + i, hasSlot(state) ? `${word} ${spareStart + slot + i}` : word);
    }
  }
  return sectors;
}

/** Notes that nobody waits for: they are not taken any more once the metadata is read-only. */
function isNoteOnly(a: string, b: string): boolean {
  const words = (text: string) =>
    text.replace(/^(lost|remapped) /, "slot ").replace("pending", "main");
  return words(a) === words(b);
}

function compare(
  trial: Trial,
  what: string,
  before: ReadonlyMap<number, string>,
  after: ReadonlyMap<number, string>,
  readOnly: boolean,
): void {
  for (const sector of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(sector) ?? "main", after.get(sector) ?? "main"];
    if (was === is) continue;
    // In doubt: it was being moved, and nobody was told that it has been.
    if (readOnly && (trial.doubtful.has(sector) || isNoteOnly(was, is))) continue;
    throw new PromiseBroken(
      "promise 4, what was acknowledged lasts",
      `sector ${sector} was ${was}, and is ${is} ${what}`,
    );
  }
}

/** Reads the table again: in place, if that is the way back, or in a new device. */
async function restart({ rig, fault }: Trial, readOnly: boolean): Promise<string> {
  if (readOnly && fault.nth % 2 === 1) {
    await rig.suspend();
    const { remapped } = rig.target.status();
    const outcome = await within(outcomeOf(rig.target.send("restore")), "restore");
    await rig.resume();
    contract(outcome.ok, `restore failed on a healthy spare: ${outcome.ok || outcome.code}`);
    const { remapped: now } = rig.target.status();
    contract(
      outcome.value.trim() === `restored=${now}`,
      `restore replied ${outcome.value} with ${now} sectors relocated, ${remapped} before`,
    );
    return "restored";
  }
  await rig.takeAway();
  await within(rig.putBack(), "start on healthy devices");
  return "after a restart";
}

/** @throws {PromiseBroken} */
export async function checkLasting(
  trial: Trial,
  places: readonly Place[],
  readOnly: boolean,
): Promise<void> {
  const { rig } = trial;
  const before = live(places);
  const bad = rig.target.status().spareBad ?? 0n;
  // It takes longer than the restart.
  if (readOnly || trial.fault.nth % 3 === 1) {
    compare(trial, "in the metadata", before, stored(await rig.metadata()), readOnly);
  }
  const how = await restart(trial, readOnly);
  trial.before = undefined;
  const { mode, spareBad = 0n } = rig.target.status();
  contract(mode === "rw", `mode=${mode} ${how}, on healthy devices`);
  contract(
    spareBad === bad || (readOnly && spareBad < bad),
    `${spareBad} slots are bad ${how}, not ${bad}`,
  );
  compare(trial, how, before, live(await trial.verify()), readOnly);
}
