// SPDX-License-Identifier: GPL-2.0-only
//
// After the fault: the promises hold, and once everything is healthy again the device is as good
// as new.
import { formatPlaces, type Place } from "../../cli/device/messages.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";
import {
  contract,
  promise5MappingIsInjective,
  promise6CountersOnlyGrow,
  PromiseBroken,
} from "../model/promises.ts";
import { SECTOR_BYTES } from "../model/stamps.ts";
import { outcomeOf } from "../model/guest_device.ts";
import { type Blame, slotsOf } from "./blame.ts";
import { checkLasting, checkMetadataIsDurable, checkMode } from "./lasting.ts";
import { bytes, EVERYTHING, SECTORS, SLOTS } from "./rig.ts";
import { within } from "./time.ts";
import { relocated, sectorsIn, sum, type Trial } from "./trial.ts";

function expectNumber(promise: string, what: string, actual: unknown, wanted: number): void {
  if (Number(actual) !== wanted) {
    throw new PromiseBroken(promise, `${what} is ${actual}, not ${wanted}`);
  }
}

/** 5 and 6: table, status and counters agree. Gives back the number of bad slots. */
async function checkAccounts(trial: Trial, places: readonly Place[]): Promise<number> {
  const { target } = trial.rig;
  const status = target.status();
  const stats = await within(target.stats(), "stats");
  promise5MappingIsInjective(places, trial.rig.slotsStart, SLOTS);
  const promise = "promise 6, used + free + bad = total";
  const bad = Number(status.spareBad ?? 0n);
  const used = relocated(places);
  const lost = sum(places.filter(({ place }) => place === "lost" || place === "pending"));
  for (
    const [what, actual, wanted] of [
      ["remapped", status.remapped, used],
      ["lost", status.lost, lost],
      ["slots used or bad", status.spareUsed, used + bad],
      ["slots in all", status.spareTotal, SLOTS],
      ["stats remapped", stats.get("remapped"), used],
      ["stats lost", stats.get("lost"), lost],
      ["stats slots_used", stats.get("slots_used"), used],
      ["stats spare_bad", stats.get("spare_bad"), bad],
      ["stats spare_free", stats.get("spare_free"), SLOTS - used - bad],
      ["stats spare_total", stats.get("spare_total"), SLOTS],
    ] as const
  ) expectNumber(promise, what, actual, wanted);
  // Nothing here ever gives wrong data.
  expectNumber("no rot but where there is some", "verify_errors", status.verifyErrors ?? 0n, 0);
  if (trial.before !== undefined) promise6CountersOnlyGrow(trial.before, status);
  return bad;
}

/** The table as it is listed is the table as it was asked for. */
async function checkEntries(trial: Trial, places: readonly Place[]): Promise<void> {
  const entries = await within(Array.fromAsync(trial.rig.target.entries()), "entries");
  const wanted = places.filter(({ place }) => place !== "main");
  contract(
    formatPlaces(entries) === formatPlaces(wanted),
    `entries has\n${formatPlaces(entries)}\nand verify has\n${formatPlaces(wanted)}`,
  );
}

/** 8, and its like: no more slots are given up than the fault explains. */
function checkSlots({ mostBadSlots }: Blame, bad: number): void {
  if (bad > mostBadSlots) {
    throw new PromiseBroken(
      "promise 8, only the medium's errors consume slots",
      `${bad} slots are bad, at most ${mostBadSlots} can be`,
    );
  }
}

/** 1 and 4: what was durable before a sector moved, or moved by itself, is durable where it is. */
async function checkDurability(trial: Trial, places: readonly Place[]): Promise<void> {
  const { main, spare } = await trial.rig.pair.unflushed();
  if (trial.rig.lasts) await checkMetadataIsDurable(trial, spare);
  const slots = slotsOf(places);
  const before = slotsOf(trial.placesBefore);
  const lost = sectorsIn(places, ["lost"]);
  for (const sector of sectorsOf(EVERYTHING)) {
    const slot = slots.get(sector);
    const moved = slot !== undefined && slot !== before.get(sector);
    const durable = trial.ledger.isDurable(sector) ||
      (moved && trial.wasRelocatedByWrite(sector));
    if (!durable || lost.has(sector)) continue;
    const inCache = slot === undefined ? main.has(sector + trial.rig.mainStart) : spare.has(slot);
    if (!inCache) continue;
    throw new PromiseBroken(
      "promises 1 and 4, what was flushed or relocated survives a crash",
      `sector ${sector} is in a cache only, ${
        slot === undefined ? "on main" : `on spare sector ${slot}`
      }`,
    );
  }
}

/** Each run of sectors that are in the same place; those without content one by one. */
function* readable(places: readonly Place[]): Generator<Range & { readonly mayFail: boolean }> {
  for (const { sector, count, place } of places) {
    const range = { first: Number(sector), count: Number(count) };
    if (place !== "lost" && place !== "pending") yield { ...range, mayFail: false };
    else for (const first of sectorsOf(range)) yield { first, count: 1, mayFail: true };
  }
}

/** 1 to 3 for every sector, on devices that are healthy again. */
async function checkContent(trial: Trial, places: readonly Place[]): Promise<void> {
  for (const { first, count, mayFail } of readable(places)) {
    const reading = trial.ledger.beginRead({ first, count });
    const request = trial.rig.file.read(bytes(first), count * SECTOR_BYTES);
    const outcome = await within(outcomeOf(request), `the last read of ${first}+${count}`);
    if (outcome.ok) trial.ledger.endRead(reading, outcome.value);
    else if (!mayFail || outcome.code !== "EIO") {
      throw new PromiseBroken(
        "promise 1, an acknowledged write is readable",
        `a read of ${first}+${count} failed with ${outcome.code}`,
      );
    }
  }
}

async function rewrite(trial: Trial): Promise<void> {
  const { ledger, rig } = trial;
  const writing = ledger.beginWrite(EVERYTHING);
  await within(rig.file.write(0n, writing.data), "writing everything");
  ledger.endWrite(writing, true);
  const reading = ledger.beginRead(EVERYTHING);
  ledger.endRead(reading, await within(rig.file.read(0n, writing.data.length), "reading it"));
}

/** 5: every slot that is neither taken nor bad can be had, and nobody else's content is in it. */
async function checkFreeSlots(trial: Trial): Promise<void> {
  const { ledger, rig } = trial;
  const places = await trial.verify();
  const bad = Number(rig.target.status().spareBad ?? 0n);
  let free = SLOTS - relocated(places) - bad;
  const wanted: { first: bigint; count: bigint }[] = [];
  for (const { sector, count, place } of places) {
    if (place !== "main" || free === 0) continue;
    const taken = Math.min(free, Number(count));
    wanted.push({ first: sector, count: BigInt(taken) });
    free -= taken;
  }
  if (wanted.length === 0) return;
  const filled = await outcomeOf(within(rig.target.remap(wanted), "filling what is free"));
  contract(filled.ok, "slots that are neither taken nor bad cannot be had");
  const reading = ledger.beginRead(EVERYTHING);
  ledger.endRead(reading, await within(rig.file.read(0n, SECTORS * SECTOR_BYTES), "reading it"));
}

/** Healthy again, it does everything, and no slot has gone but those that are bad. */
async function checkUsable(trial: Trial): Promise<void> {
  const { ledger, rig } = trial;
  await rewrite(trial);
  const { lost, pending } = rig.target.status();
  expectNumber("promise 1, what was written is there", "lost", lost, 0);
  expectNumber("promise 1, what was written is there", "pending", pending ?? 0n, 0);
  await checkFreeSlots(trial);
  const { kept } = await within(rig.target.clear(), "the last clear");
  expectNumber("promise 7, healthy sectors are served", "kept", kept, 0);
  const reading = ledger.beginRead(EVERYTHING);
  ledger.endRead(reading, await within(rig.file.read(0n, SECTORS * SECTOR_BYTES), "reading it"));
  ledger.endRead(reading, await rig.readMain(EVERYTHING));
  const bad = rig.target.status().spareBad ?? 0n;
  const free = BigInt(SLOTS) - bad;
  if (free === 0n) return;
  const filled = await outcomeOf(within(rig.target.remap([{ first: 0n, count: free }]), "filling"));
  contract(filled.ok, `only ${bad} slots are bad, but ${free} sectors do not find a slot`);
}

/** @throws {PromiseBroken} */
export async function checkAftermath(trial: Trial): Promise<void> {
  const { rig } = trial;
  rig.pair.disarm();
  const { blame } = trial;
  const places = await trial.verify();
  await checkDurability(trial, places);
  const bad = await checkAccounts(trial, places);
  // It costs as much as all the rest.
  if (trial.fault.nth % 8 === 1) await checkEntries(trial, places);
  checkSlots(blame, bad);
  trial.checkLosses(blame, places);
  trial.checkRelocations(blame, places);
  if (rig.lasts) return await checkAftermathOfLasting(trial, places);
  rig.pair.heal();
  await checkContent(trial, places);
  await checkUsable(trial);
}

/** The same if the table lasts; what is the same with any table is not looked at every time. */
async function checkAftermathOfLasting(trial: Trial, places: readonly Place[]): Promise<void> {
  const readOnly = await checkMode(trial, trial.blame);
  trial.rig.pair.heal();
  if (trial.migrates) {
    contract(await trial.rig.countsAsSpare(), "by their metadata the other spare range counts");
  }
  if (readOnly) await checkContent(trial, places);
  // What was pending may just have been read.
  await checkLasting(trial, readOnly ? await trial.verify() : places, readOnly);
  await checkContent(trial, await trial.verify());
  if (readOnly || trial.fault.nth % 4 === 0) await checkUsable(trial);
}
