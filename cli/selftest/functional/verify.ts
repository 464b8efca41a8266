// SPDX-License-Identifier: GPL-2.0-only
import { parsePlaces, type Place } from "../../device/messages.ts";
import { check, checkEqual, checkFails, checkMatch } from "../check.ts";
import { Random } from "../random.ts";
import type { Rig } from "../rig.ts";
import { type Bench, type FunctionalPart, MAIN_SECTORS } from "./bench.ts";

async function saysWhere(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1000, fill: false });
  checkEqual("verify on an empty table", await rig.send("verify 0 1000"), "0 1000 main");
  checkEqual("verify without a count", await rig.send("verify 999"), "999 1 main");
  await rig.relocate(100, 8);
  checkMatch(
    "verify over an extent",
    await rig.send("verify 90 30"),
    /^90 10 main\n100 8 remapped \d+\n108 12 main$/,
  );
  const [, slot = ""] = checkMatch(
    "one sector",
    await rig.send("verify 103"),
    /^103 1 remapped (\d+)$/,
  );
  const [, first = ""] = checkMatch(
    "the extent",
    await rig.send("verify 100 8"),
    /^100 8 remapped (\d+)$/,
  );
  checkEqual("the slot of the fourth sector of an extent", Number(slot), Number(first) + 3);
}

async function saysLost(bench: Bench): Promise<void> {
  const features = ["volatile", "retries", "1"];
  const rig = await bench.rig({ length: 1000, faults: true, features, fill: false });
  await rig.badMain([{ first: 102, count: 2 }]);
  checkEqual("remap over bad sectors", await rig.send("remap 100 8"), "remapped=8 lost=2");
  const [, ...slots] = checkMatch(
    "verify over lost sectors",
    await rig.send("verify 100 8"),
    /^100 2 remapped (\d+)\n102 2 lost (\d+)\n104 4 remapped (\d+)$/,
  );
  const [a, b, c] = slots.map(Number);
  checkEqual("the slots of one run", [b, c], [(a ?? 0) + 2, (a ?? 0) + 4]);
  const entries = await rig.send("entries 0 10");
  checkEqual("entries", entries, await rig.send("verify 100 8"));
}

async function joinsNeighbours(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1000, fill: false });
  await rig.relocate(96, 8);
  await rig.relocate(104, 8);
  const places = (await rig.places()).map(({ sector, count, place }) => [sector, count, place]);
  checkEqual("the places of neighbours in neighbouring slots", places, [
    [0n, 96n, "main"],
    [96n, 16n, "remapped"],
    [112n, 888n, "main"],
  ]);
}

/** Relocations all over the device, some of them taken back again. */
async function scattered(bench: Bench): Promise<Rig> {
  const features = ["volatile", "max_remaps", "0"];
  const rig = await bench.rig({ spareStart: 5, features, fill: false });
  const random = new Random(bench.settings.seed + 7);
  for (let round = 0; round < 120; round++) {
    const first = random.below(MAIN_SECTORS - 20);
    const count = random.between(1, 16);
    await rig.send(round % 4 === 3 ? `unmap ${first} ${count}` : `remap ${first} ${count}`);
  }
  return rig;
}

async function mapsInjectively(bench: Bench): Promise<void> {
  const rig = await scattered(bench);
  const places = await rig.places();
  let at = 0n;
  let congruent = 0n;
  const slots = new Set<bigint>();
  for (const { sector, count, place, spareSector } of places) {
    checkEqual("the start of a place", sector, at);
    at += count;
    if (place === "main" || spareSector === undefined) continue;
    if ((sector - spareSector) % 8n === 0n) congruent += count;
    for (let index = 0n; index < count; index++) slots.add(spareSector + index);
  }
  checkEqual("where the places end", at, BigInt(MAIN_SECTORS));
  const { remapped, spareUsed } = rig.status();
  checkEqual("different slots", BigInt(slots.size), remapped);
  checkEqual("slots in use", spareUsed, remapped);
  const outside = [...slots].filter((slot) => slot < 5n || slot >= BigInt(rig.disks.spare.sectors));
  checkEqual("slots outside of the spare", outside, []);
  checkEqual("sectors whose slot is aligned as they are", congruent, remapped);
}

async function pagesThroughEntries(bench: Bench): Promise<void> {
  const rig = await scattered(bench);
  const all = (await rig.places()).filter(({ place }) => place !== "main");
  checkEqual("entries in one page", parsePlaces(await rig.send("entries 0 100000")), all);
  for (const size of [1, 7]) {
    const paged: Place[] = [];
    for (let from = 0n;;) {
      const page = parsePlaces(await rig.send(`entries ${from} ${size}`));
      check("lines in a page", page.length <= size, {
        expected: `at most ${size}`,
        seen: page.length,
      });
      const last = page.at(-1);
      if (last === undefined) break;
      paged.push(...page);
      from = last.sector + last.count;
    }
    checkEqual(`entries in pages of ${size}`, paged, all);
  }
  checkEqual("entries behind the end", await rig.send(`entries ${MAIN_SECTORS} 10`), "");
  checkEqual("a page of no lines", await rig.send("entries 0 0"), "");
  await checkFails("entries without a page size", "EINVAL", () => rig.send("entries 0"));
}

/** More text than the first buffer that the kernel tries (16 KiB): the message runs again. */
async function answersAtLength(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  const sectors = Array.from({ length: 600 }, (_, index) => index * 8);
  for (let at = 0; at < sectors.length; at += 100) {
    const pairs = sectors.slice(at, at + 100).map((sector) => `${sector} 1`).join(" ");
    checkEqual("remap of 100 sectors", await rig.send(`remap ${pairs}`), "remapped=100 lost=0");
  }
  const reply = await rig.send(`verify 0 ${MAIN_SECTORS}`);
  check("the length of the reply", reply.length > 16384, {
    expected: "> 16384",
    seen: reply.length,
  });
  checkEqual("places", parsePlaces(reply).length, 2 * sectors.length);
}

async function seesNoMoves(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  await rig.relocate(0, 512);
  const before = rig.status();
  for (let round = 0; round < 5; round++) await rig.send("verify 0 8192");
  await rig.send("entries 0 100");
  checkEqual("the status after looking", rig.status(), before);
}

export const VERIFY: FunctionalPart = {
  name: "7 verify",
  cases: [
    { name: "lines for main and relocated sectors, word for word", run: saysWhere },
    { name: "lines for lost sectors", run: saysLost },
    { name: "neighbours in neighbouring slots are one line", run: joinsNeighbours },
    { name: "every slot is used once, in range and aligned", run: mapsInjectively },
    { name: "entries in pages", run: pagesThroughEntries },
    { name: "replies beyond 16 KiB", run: answersAtLength },
    { name: "looking changes nothing", run: seesNoMoves },
  ],
};
