// SPDX-License-Identifier: GPL-2.0-only
//
// What races with what. Each scenario has its own devices, and ends with every sector read again.
import { setImmediate } from "node:timers/promises";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { Range } from "../suite/guest/range.ts";
import { contract } from "../model/promises.ts";
import { breaker, type Damage, killer } from "./breaker.ts";
import { checkEverything } from "./ending.ts";
import { Ledger } from "./ledger.ts";
import { Race } from "./race.ts";
import { Random } from "./random.ts";
import { MAIN_SECTORS, Stack, type StackOptions } from "./stack.ts";

export interface Scenario {
  readonly name: string;
  /** Moves in a run of ordinary length. */
  readonly moves: number;
  readonly stack: StackOptions;
  readonly run: (race: Race, moves: number) => Promise<void>;
}

const BLOCK = 8;
const WRITERS = 8;
const BLOCKS_OF_WRITER = 4;
const FIRST_BLOCK = 101;
/** Sectors; a CPU remembers extents of half of that. */
const EXTENT = 256;
/** A range for writes of 1 MiB, behind the blocks; not aligned to anything. */
const LARGE: Range = { first: 2051, count: 2048 };
const SECTORS_IN_ALL = { first: 0, count: MAIN_SECTORS };

/** Blocks of 4 KiB side by side; neighbours belong to different writers. */
function blocks(count: number): Range[] {
  return Array.from({ length: count }, (_, i) => ({
    first: FIRST_BLOCK + i * BLOCK,
    count: BLOCK,
  }));
}

/** What a mover moves next: a block, a part of one, several, or pieces of the large range. */
function movesOf(random: Random, owned: readonly Range[], large: boolean): () => Range[] {
  return () => {
    if (large && random.chance(3)) {
      const first = LARGE.first + random.below(LARGE.count - 64);
      return [{ first, count: 1 + random.below(64) }];
    }
    const index = random.below(owned.length);
    const block = owned[index]!;
    switch (random.below(4)) {
      case 0:
        return [random.part(block)];
      case 1: {
        const count = Math.min(owned.length - index, 1 + random.below(6)) * BLOCK;
        return [{ first: block.first, count }];
      }
      case 2:
        return owned.slice(index, index + 8).filter((_, i) => i % 2 === 0);
      default:
        return [block];
    }
  };
}

const OWNED = blocks(WRITERS * BLOCKS_OF_WRITER);

interface Parties {
  readonly large?: boolean;
  readonly disturbed?: boolean;
  readonly movers?: number;
  /** Sectors go bad meanwhile. */
  readonly damage?: Damage;
  /** Devices die and come back. */
  readonly deaths?: boolean;
  readonly scanned?: boolean;
  /** Everything moves from one spare to the other and back, which counts as so many moves. */
  readonly movesOfMigration?: number;
  readonly suspended?: boolean;
  /** There are fewer slots than sectors that want one. */
  readonly scarce?: boolean;
}

function mixed(parties: Parties): Scenario["run"] {
  return async (race, moves) => {
    const owned = OWNED;
    const { damage } = parties;
    race.sectorsGoBad = damage !== undefined;
    race.slotsGoBad = damage?.slots === true;
    race.mayRunOut = parties.scarce === true;
    const pick = movesOf(race.random, owned, parties.large === true);
    const { movesOfMigration } = parties;
    const most = movesOfMigration === undefined ? moves : Infinity;
    const all = parties.large === true ? [...owned, LARGE] : owned;
    await race.together([
      // Each writer keeps all of its blocks in flight at once.
      ...owned.map((block) => race.writer(block)),
      ...(parties.large === true ? [race.writer(LARGE)] : []),
      ...Array.from({ length: 4 }, () => race.reader(all)),
      ...Array.from({ length: parties.movers ?? 2 }, () => race.mover(pick, most)),
      ...(parties.disturbed === true ? [race.disturber()] : []),
      ...(damage === undefined ? [] : [breaker(race, owned, damage)]),
      ...(race.stack.lasts ? [race.saver()] : []),
      ...(parties.deaths === true ? [killer(race)] : []),
      ...(parties.scanned === true ? [race.scanner(MAIN_SECTORS)] : []),
      ...(movesOfMigration === undefined ? [] : [
        race.migrator(Math.ceil(moves / movesOfMigration)),
        race.watcher(),
      ]),
      ...(parties.suspended === true ? [race.suspender()] : []),
    ]);
  };
}

/**
 * Extents that are large enough for a CPU to remember them, relocated as a whole and in parts, under
 * writers of blocks in them.
 */
async function largeExtents(race: Race, moves: number): Promise<void> {
  const extents = Array.from({ length: 4 }, (_, i) => ({
    first: FIRST_BLOCK + i * EXTENT,
    count: EXTENT,
  }));
  const owned = Array.from({ length: 32 }, (_, i) => ({
    first: FIRST_BLOCK + i * 4 * BLOCK,
    count: BLOCK,
  }));
  const pick = () => {
    const extent = race.random.pick(extents);
    // What is left of an extent, or comes back to it, is in the same regions of the filter.
    const part = { first: extent.first + race.random.below(EXTENT - 16), count: 16 };
    return [race.random.chance(2) ? extent : part];
  };
  await race.together([
    ...owned.map((block) => race.writer(block)),
    ...Array.from({ length: 4 }, () => race.reader(owned)),
    ...Array.from({ length: 2 }, () => race.mover(pick, moves)),
  ]);
}

/** Lost sectors are written while unmap tries to take them back all the time. */
async function lostSectors(race: Race, moves: number): Promise<void> {
  const owned = blocks(16);
  race.mayLose = true;
  const span = { first: FIRST_BLOCK, count: owned.length * BLOCK };
  const big = { first: BigInt(span.first), count: BigInt(span.count) };
  const { target, main } = race.stack;
  while (race.moves < moves && race.running) {
    await Promise.all(owned.map((block) => race.write(block)));
    const bad = owned.filter(() => race.random.chance(2)).map((block) => race.random.part(block));
    for (const range of bad) await main.addFault("both", range);
    const { remapped, lost } = await target.remap([big]);
    await main.heal(SECTORS_IN_ALL);
    const wanted = bad.reduce((sum, { count }) => sum + count, 0);
    contract(
      Number(remapped) === span.count && Number(lost) === wanted,
      `remap replied remapped=${remapped} lost=${lost}, not ${span.count} and ${wanted}`,
    );
    for (const range of bad) race.ledger.lose(range);
    race.moves++;
    await writeDuringUnmap(race, owned, big);
  }
}

async function writeDuringUnmap(
  race: Race,
  owned: readonly Range[],
  span: { readonly first: bigint; readonly count: bigint },
): Promise<void> {
  const { target } = race.stack;
  let writing = true;
  const whileWriting = async (act: () => Promise<unknown>) => {
    while (writing && race.running) {
      await act();
      await setImmediate();
    }
  };
  const writes = Promise.all(owned.map(async (block) => {
    await race.write(block);
    await race.write(block);
  })).finally(() => writing = false);
  await race.together([
    writes.then(() => {}),
    whileWriting(async () => {
      await target.unmap([span]);
      race.moves++;
    }),
    whileWriting(() => race.read(race.random.pick(owned))),
    whileWriting(() => race.read(race.random.part(race.random.pick(owned)))),
  ]);
  const { kept } = await target.unmap([span]);
  contract(kept === 0n, `${kept} sectors stay although all of them have been written`);
}

const SLOW_WRITES = { reads: 0, writes: 20 };
const SLOW = { reads: 4, writes: 4 };
/** A flaky sector must not run out of tries, also if it becomes flaky again meanwhile. */
const RETRIES = { retries: 6n, retryDelayMs: 0n };
const FOR_WRITES: Damage = { main: ["write", "write", "flaky"], slots: true };
const ANY_DAMAGE: Damage = { main: ["both", "read", "write", "weak", "flaky"], slots: true };
const WEAK: Damage = { main: ["flaky", "flaky", "flaky", "write"], slots: false };

export const SCENARIOS: readonly Scenario[] = [
  { name: "plain", moves: 2000, stack: {}, run: mixed({ movers: 2 }) },
  { name: "large writes", moves: 1000, stack: {}, run: mixed({ large: true }) },
  { name: "large extents", moves: 1000, stack: {}, run: largeExtents },
  { name: "slow writes to main", moves: 300, stack: { main: SLOW_WRITES }, run: mixed({}) },
  {
    name: "slow writes to the spare",
    moves: 300,
    stack: { lasts: true, spare: SLOW_WRITES },
    run: mixed({}),
  },
  {
    name: "slow large writes",
    moves: 300,
    stack: { main: SLOW_WRITES, spare: SLOW_WRITES },
    run: mixed({ large: true }),
  },
  { name: "all slow", moves: 300, stack: { main: SLOW, spare: SLOW }, run: mixed({}) },
  {
    name: "suspend, reload and restore",
    moves: 600,
    stack: { lasts: true },
    run: mixed({ large: true, disturbed: true }),
  },
  {
    name: "suspend and reload, slow writes to main",
    moves: 200,
    stack: { main: SLOW_WRITES },
    run: mixed({ disturbed: true }),
  },
  {
    name: "migrations",
    moves: 120,
    stack: { lasts: true, twoSpares: true },
    run: mixed({ large: true, movesOfMigration: 10 }),
  },
  {
    name: "migrations and suspends, slow writes to the spares",
    moves: 80,
    stack: { lasts: true, twoSpares: true, spare: SLOW_WRITES },
    run: mixed({ large: true, movesOfMigration: 20, suspended: true, scanned: true }),
  },
  { name: "lost sectors", moves: 600, stack: { lasts: true }, run: lostSectors },
  {
    name: "lost sectors, slow writes to the spare",
    moves: 120,
    stack: { spare: SLOW_WRITES },
    run: lostSectors,
  },
  {
    name: "bad for writes",
    moves: 300,
    stack: { lasts: true, bad: "medium", features: RETRIES },
    run: mixed({ large: true, damage: FOR_WRITES }),
  },
  {
    name: "bad in every way",
    moves: 300,
    stack: { bad: "io", features: RETRIES },
    run: mixed({ damage: ANY_DAMAGE, scanned: true }),
  },
  {
    name: "bad in every way, verified on main first, checksums",
    moves: 300,
    stack: {
      bad: "medium",
      features: { ...RETRIES, pendingPolicy: "verify", verifyReads: true },
    },
    run: mixed({ large: true, damage: ANY_DAMAGE }),
  },
  {
    name: "bad, slow writes to main",
    moves: 150,
    stack: { bad: "medium", main: SLOW_WRITES, features: RETRIES },
    run: mixed({ damage: ANY_DAMAGE }),
  },
  {
    name: "bad, slow writes to the spare",
    moves: 150,
    stack: { lasts: true, bad: "medium", spare: SLOW_WRITES, features: RETRIES },
    run: mixed({ damage: ANY_DAMAGE, scanned: true }),
  },
  {
    name: "bad, suspend, reload and restore",
    moves: 300,
    stack: { lasts: true, bad: "io", features: RETRIES },
    run: mixed({ damage: ANY_DAMAGE, disturbed: true, scanned: true }),
  },
  {
    name: "hard to read, proactive",
    moves: 200,
    // What is under way to main when a sector is moved ahead must not get lost.
    stack: { bad: "medium", main: SLOW_WRITES, features: { ...RETRIES, proactive: true } },
    run: mixed({ damage: WEAK, scanned: true }),
  },
  {
    name: "bad, few slots",
    moves: 200,
    stack: { lasts: true, bad: "medium", slots: 24, features: RETRIES },
    run: mixed({ damage: { ...ANY_DAMAGE, slots: false }, scarce: true }),
  },
  {
    name: "devices die",
    moves: 200,
    stack: { bad: "io", features: RETRIES },
    run: mixed({ deaths: true, disturbed: true, scanned: true }),
  },
];

/** Runs a scenario; gives back a line about it. */
export async function runScenario(
  dm: DeviceMapper,
  scenario: Scenario,
  seed: number,
  share: number,
): Promise<string> {
  const ledger = new Ledger(seed, MAIN_SECTORS);
  await using stack = await Stack.create(dm, ledger, scenario.stack);
  const race = new Race(stack, ledger, new Random(seed));
  const started = performance.now();
  await scenario.run(race, Math.max(20, Math.round(scenario.moves * share)));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const stats = await stack.target.stats();
  await checkEverything(race, OWNED);
  return `${race.moves} moves (${race.refusedMoves} refused) against ${race.writes} writes and ` +
    `${race.reads} reads (${race.refusedReads} refused) in ${seconds} s, ${
      stats.get("held_bios")
    } held` +
    harm(race, Number(stats.get("auto_remaps")));
}

function harm(race: Race, automatic: number): string {
  const { faults, failedReads, failedWrites, sectorsGoBad } = race;
  if (faults === 0) return "";
  contract(
    automatic > 0 || !sectorsGoBad,
    "no sector has gone bad under anybody: nothing is shown",
  );
  return `, ${faults} faults: ${automatic} sectors relocated by themselves, ` +
    `${failedReads} reads and ${failedWrites} writes failed`;
}
