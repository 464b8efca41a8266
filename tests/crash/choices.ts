// SPDX-License-Identifier: GPL-2.0-only
//
// Which volatile writes may have reached the medium when the power went: the states of one moment.
import type { Random } from "../../cli/selftest/random.ts";
import type { Chosen, Volatile } from "./medium.ts";

/** Up to so many volatile writes every subset is looked at. */
const ALL_SUBSETS = 4;
/** Longer writes are torn at some places only. */
const ALL_TEARS = 9;

/** A state: the writes that reached the media. */
export type Choice = readonly Chosen[];

const whole = (volatile: readonly Volatile[]): Choice =>
  volatile.map((each) => ({ volatile: each }));

/** Every subset of few; of many: none, all, each alone, all but each. */
export function subsets(volatile: readonly Volatile[]): Choice[] {
  if (volatile.length <= ALL_SUBSETS) {
    return Array.from(
      { length: 1 << volatile.length },
      (_, bits) => whole(volatile.filter((_, index) => (bits >> index) & 1)),
    );
  }
  return [
    [],
    whole(volatile),
    ...volatile.map((each) => whole([each])),
    ...volatile.map((left) => whole(volatile.filter((each) => each !== left))),
  ];
}

const firstSectors = (count: number) => (1n << BigInt(count)) - 1n;
const without = (mask: bigint, sectors: number) => firstSectors(sectors) & ~mask;

/** Parts of a write that may have been written: beginnings and ends, all of them if it is short. */
export function tears(sectors: number, random: Random): bigint[] {
  const lengths = sectors <= ALL_TEARS
    ? Array.from({ length: sectors - 1 }, (_, index) => index + 1)
    : [1, sectors - 1, ...Array.from({ length: 6 }, () => random.between(1, sectors - 1))];
  const masks = lengths.flatMap((length) => {
    const start = firstSectors(length);
    return [start, without(start, sectors)];
  });
  return [...new Set(masks)];
}

/** Each write torn, alone and with all that was volatile besides. */
export function torn(volatile: readonly Volatile[], random: Random): Choice[] {
  return volatile.flatMap((each) => {
    if (each.sectors < 2) return [];
    const others = volatile.filter((other) => other !== each);
    return tears(each.sectors, random).flatMap((mask) => [
      [{ volatile: each, mask }],
      ...(others.length === 0 ? [] : [
        volatile.map((entry) => entry === each ? { volatile: each, mask } : { volatile: entry }),
      ]),
    ]);
  });
}

/** A mask with each sector in or out as it falls, neither empty nor full. */
function randomMask(sectors: number, random: Random): bigint {
  for (;;) {
    let mask = 0n;
    for (let sector = 0; sector < sectors; sector++) mask = mask << 1n | BigInt(random.below(2));
    if (mask !== 0n && mask !== firstSectors(sectors)) return mask;
  }
}

/** Any writes, some of them torn anyhow. */
export function randomChoice(volatile: readonly Volatile[], random: Random): Choice {
  const eagerness = random.pick([1, 3, 5, 7]);
  return volatile.filter(() => random.below(8) < eagerness).map((each) =>
    each.sectors > 1 && random.below(3) === 0
      ? { volatile: each, mask: randomMask(each.sectors, random) }
      : { volatile: each }
  );
}

/** The choice as text: ids of writes, each with the hexadecimal mask of a torn one. */
export function formatChoice(choice: Choice): string {
  const words = choice.map(({ volatile, mask }) =>
    mask === undefined ? `${volatile.write.id}` : `${volatile.write.id}/${mask.toString(16)}`
  );
  return words.join(",") || "none";
}

/** @throws {Error} if it names a write that is not volatile */
export function parseChoice(text: string, volatile: readonly Volatile[]): Choice {
  if (text === "none") return [];
  const wanted = text.split(",").map((word) => {
    const [id, mask] = word.split("/");
    const entry = volatile.find(({ write }) => write.id === Number(id));
    if (entry === undefined) throw new Error(`write ${id} is not volatile at this moment`);
    return mask === undefined
      ? { volatile: entry }
      : { volatile: entry, mask: BigInt(`0x${mask}`) };
  });
  return wanted.sort((one, other) => one.volatile.turn - other.volatile.turn);
}
