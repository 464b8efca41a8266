// SPDX-License-Identifier: GPL-2.0-only
//
// Random sequences that shrink.
import fc from "fast-check";
import { DEATHS, type FaultKind } from "./faults.ts";
import type { Geometry } from "./model.ts";
import type { Operation, Sequence, Side } from "./operations.ts";
import type { Range } from "../suite/guest/range.ts";

const MIB_SECTORS = 2048;
/** These blocks of both devices never fail: else the target would rightly call the device dead. */
const ALWAYS_GOOD_SECTORS = 8;

/** Messages that are wrong on every device. */
const REFUSALS: readonly string[] = [
  "bogus",
  "remap",
  "remap x",
  "remap 0 0",
  "remap -1",
  "remap 0 1 2",
  "remap 18446744073709551615",
  "remap 0 18446744073709551615",
  "remap 99999999 8",
  "unmap",
  "unmap 0 0",
  "unmap 0 99999999",
  "unmap 0 8 softly",
  "clear everything",
  "verify",
  "verify 99999999",
  "entries 0",
  "ping pong",
  "save now",
  "restore",
  "restore now",
  "migrate /dev/null",
];

const REFUSALS_OF_VOLATILE: readonly string[] = ["save"];

/** Wrong where a logical block has more than one sector. */
const REFUSALS_OF_BLOCKS: readonly string[] = [
  "remap 1",
  "remap 8 1",
  "remap 0 8 17 8",
  "unmap 4 8",
];

/** Sequences spend most of their time in so many blocks, or they would hardly ever meet themselves. */
const HOT_BLOCKS = 64;
/** Where sectors go bad in many ways, the steps have to meet the bad ones as well. */
const HOT_BLOCKS_GOING_BAD = 40;

function hotBlocks({ rules }: Geometry): number {
  return rules.faults.length > 1 ? HOT_BLOCKS_GOING_BAD : HOT_BLOCKS;
}

/** Ranges of whole logical blocks, many of them small, some as long as `longest` sectors. */
function ranges(
  geometry: Geometry,
  sectors: number,
  longest: number,
  hot: number,
): fc.Arbitrary<Range> {
  const { unit } = geometry;
  const blocks = Math.floor(sectors / unit);
  const most = Math.max(1, Math.floor(longest / unit));
  const first = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.nat(hotBlocks(geometry) - 1).map((n) => Math.min(blocks - 1, hot + n)),
    },
    { weight: 2, arbitrary: fc.nat(blocks - 1) },
    // Around the borders of regions that a filter may have.
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(blocks >> 5), fc.integer({ min: -2, max: 2 }))
        .map(([region, off]) => Math.min(blocks - 1, Math.max(0, region * 32 + off))),
    },
    { weight: 1, arbitrary: fc.nat(Math.min(63, blocks - 1)).map((n) => blocks - 1 - n) },
  );
  const count = fc.oneof(
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: Math.min(8, most) }) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: Math.min(64, most) }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: most }) },
  );
  return fc.tuple(first, count).map(([block, wanted]) => ({
    first: block * unit,
    count: Math.min(wanted, blocks - block) * unit,
  }));
}

/** Several ranges in ascending order that do not overlap, as `remap` takes them. */
function rangeLists(single: fc.Arbitrary<Range>): fc.Arbitrary<readonly Range[]> {
  return fc.array(single, { minLength: 1, maxLength: 6 }).map((list) => {
    const sorted = list.toSorted((a, b) => a.first - b.first);
    return sorted.filter((range, i) =>
      i === 0 || sorted.slice(0, i).every(({ first, count }) => first + count <= range.first)
    );
  });
}

/** A target cannot tell a slot that is out of reach from a spare that is: see `dead` instead. */
function kindsFor({ rules }: Geometry, side: Side): FaultKind[] {
  return rules.faults.filter((kind) => side === "main" || kind !== "transport");
}

function deadOf(sides: fc.Arbitrary<Side>): fc.Arbitrary<Operation> {
  return fc.tuple(sides, fc.constantFrom(...DEATHS))
    .map(([side, how]) => ({ op: "dead", side, how }) as const);
}

/** One step on a device of this geometry; `hot` is the block where most of them are. */
export function operationsOn(geometry: Geometry, hot = 0): fc.Arbitrary<Operation> {
  const { sectors, unit, slots } = geometry;
  const lasts = geometry.spareRange !== undefined;
  const refusals = [
    ...REFUSALS,
    ...(unit === 1 ? [] : REFUSALS_OF_BLOCKS),
    ...(lasts ? [] : REFUSALS_OF_VOLATILE),
  ];
  const io = ranges(geometry, sectors, MIB_SECTORS, hot);
  const moves = ranges(geometry, sectors, slots, hot);
  const few = ranges(geometry, sectors, 16 * unit, hot);
  const on = <K extends string>(op: K) => ({ op }) as const;
  const ranged = <K extends string>(op: K, range: fc.Arbitrary<Range>) =>
    range.map((range) => ({ op, range }) as const);
  // The spare is hot where slots are taken first: at its beginning.
  const fault = (side: "main" | "spare", length: number) =>
    fc.tuple(
      fc.constantFrom(...kindsFor(geometry, side)),
      ranges(geometry, length - ALWAYS_GOOD_SECTORS, 12 * unit, side === "main" ? hot : 0),
    ).map(([kind, range]) => ({ op: "fault", side, kind, range }) as const);
  const sides = fc.constantFrom("main" as const, "spare" as const);
  const deaths = geometry.rules.deaths === true;
  // Whoever cannot write the metadata gives up changing the table: the sweep knows about that.
  const mortal = lasts ? fc.constant("main" as const) : sides;
  // What has been relocated by hand cannot be any more by itself.
  const [bad, byHand] = geometry.rules.faults.length > 1 ? [2, 1] : [1, 3];
  const weighted: readonly (readonly [number, fc.Arbitrary<Operation>])[] = [
    [18, ranged("read", io)],
    [20 + 4 * bad, ranged("write", io)],
    [3, ranged("write-fua", few)],
    [3, ranged("discard", io)],
    [3, ranged("zero", io)],
    [2, fc.constant(on("flush"))],
    [4 * byHand, rangeLists(few).map((ranges) => ({ op: "remap", ranges }) as const)],
    [2 * byHand, moves.map((range) => ({ op: "remap", ranges: [range] }) as const)],
    [9, ranged("unmap", moves)],
    [2, ranged("unmap-force", few)],
    [1, fc.constantFrom(on("clear"), on("clear"), on("clear-force"))],
    [8 * bad, fault("main", sectors)],
    [6, fault("spare", slots)],
    [3, sides.map((side) => ({ op: "heal", side }) as const)],
    [deaths ? 1 : 0, deadOf(mortal)],
    [deaths ? 12 : 0, mortal.map((side) => ({ op: "alive", side }) as const)],
    [geometry.rules.scans === true ? 2 : 0, ranged("scan", io)],
    [2, fc.constant(on("suspend"))],
    [1, fc.constant(on("reload"))],
    [lasts ? 2 : 1, fc.constant(on("recreate"))],
    [lasts ? 2 : 0, fc.constantFrom(on("save"), on("restore"))],
    [geometry.twoSpares === true ? 2 : 0, fc.constant(on("migrate"))],
    [1, fc.constant(on("check"))],
    [2, fc.constantFrom(...refusals).map((message) => ({ op: "refuse", message }) as const)],
  ];
  const possible = weighted.filter(([weight]) => weight > 0);
  return fc.oneof(...possible.map(([weight, arbitrary]) => ({ weight, arbitrary })));
}

/** Where a sequence has failed, for the shrinker: nothing after it matters. */
export type FailedAt = WeakMap<Sequence, number>;

/** How far the shrinking of a sequence has come. What failed to help once is not tried again. */
interface Progress {
  readonly operation: fc.Arbitrary<Operation>;
  readonly values: readonly fc.Value<Operation>[];
  /** The largest piece that is still tried to be left out; 0: only single operations are simplified. */
  readonly piece: number;
  /** The operation to simplify first. */
  readonly from: number;
}

/**
 * Sequences of a fixed length. Shrinking cuts what comes after the failure, then takes out pieces,
 * large ones first, and then makes single operations simpler.
 */
export class SequenceArbitrary extends fc.Arbitrary<Sequence> {
  constructor(
    readonly variant: string,
    readonly geometry: Geometry,
    readonly seed: number,
    readonly length: number,
    readonly failedAt: FailedAt,
  ) {
    super();
  }

  override generate(random: fc.Random): fc.Value<Sequence> {
    const blocks = Math.floor(this.geometry.sectors / this.geometry.unit);
    const hot = random.nextInt(0, Math.max(0, blocks - hotBlocks(this.geometry)));
    const operation = operationsOn(this.geometry, hot);
    const values = Array.from(
      { length: this.length },
      () => operation.generate(random, undefined),
    );
    return this.#wrap({ operation, values, piece: this.length, from: 0 });
  }

  override canShrinkWithoutContext(_value: unknown): _value is Sequence {
    return false;
  }

  override shrink(value: Sequence, context: unknown): fc.Stream<fc.Value<Sequence>> {
    return fc.stream(this.#smaller(value, context as Progress));
  }

  *#smaller(value: Sequence, progress: Progress): Generator<fc.Value<Sequence>> {
    const { operation, values, from } = progress;
    const failed = this.failedAt.get(value);
    if (failed !== undefined && failed + 1 < values.length) {
      yield this.#wrap({ ...progress, values: values.slice(0, failed + 1) });
    }
    let piece = Math.min(progress.piece, values.length >> 1);
    for (; piece >= 1; piece >>= 1) {
      // From the end: what comes late depends on more than what depends on it. The last one failed.
      for (let end = values.length - 1; end > 0; end -= piece) {
        const rest = [...values.slice(0, Math.max(0, end - piece)), ...values.slice(end)];
        yield this.#wrap({ operation, values: rest, piece, from: 0 });
      }
    }
    for (let i = from; i < values.length; i++) {
      for (const simpler of operation.shrink(values[i]!.value_, values[i]!.context)) {
        yield this.#wrap({ operation, values: values.with(i, simpler), piece: 0, from: i });
      }
    }
  }

  #wrap(progress: Progress): fc.Value<Sequence> {
    const operations = progress.values.map((value) => value.value);
    return new fc.Value({ variant: this.variant, seed: this.seed, operations }, progress);
  }
}
