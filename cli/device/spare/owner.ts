// SPDX-License-Identifier: GPL-2.0-only
// Whose table a spare holds: pure comparisons of a superblock with devices.
import type { Geometry } from "../../metadata/write.ts";
import type { Superblock } from "../../metadata/superblock.ts";
import type { BlockDevice } from "../block_device.ts";
import type { RemapTable } from "../table_line.ts";

/** The numbers of a table line and its devices, as a superblock has them. */
export function geometryOf(table: RemapTable, main: BlockDevice, spare: BlockDevice): Geometry {
  return {
    blockSectors: Number(main.logicalBlockSectors),
    mainStart: Number(table.mainStart),
    mainSectors: Number(table.length),
    mainDeviceSectors: Number(main.sizeSectors),
    spareStart: Number(table.spareStart),
    spareSectors: Number(table.spareLength),
    spareDeviceSectors: Number(spare.sizeSectors),
  };
}

/**
 * In the user's words, in the order in which a difference is told. Where the spare range starts is
 * not among them: a copy of it may lie elsewhere.
 */
const WORDS: readonly (readonly [keyof Geometry, string])[] = [
  ["blockSectors", "logical blocks of %s sectors"],
  ["mainDeviceSectors", "a main device of %s sectors"],
  ["mainStart", "sectors of main from %s on"],
  ["mainSectors", "a length of %s sectors"],
  ["spareDeviceSectors", "a spare device of %s sectors"],
  ["spareSectors", "a spare range of %s sectors"],
];

/** What the table was made for and is not so now; `undefined` if everything fits. */
export function geometryDifference(then: Geometry, now: Geometry): string | undefined {
  const differing = WORDS.find(([key]) => then[key] !== now[key]);
  if (differing === undefined) return undefined;
  const [key, words] = differing;
  return `was made for ${words.replace("%s", `${then[key]}`)}, not ${now[key]}`;
}

/** How sure it is that a table is that of a main device. */
export type Ownership = "own" | "another's" | "unnamed";

/** By the identity that was written down when the table was made. */
export function ownershipOf(superblock: Superblock, identities: readonly string[]): Ownership {
  if (superblock.mainId === "") return "unnamed";
  return identities.includes(superblock.mainId) ? "own" : "another's";
}

/** The table line that a superblock describes, which lies at a sector of the spare. */
export function tableOf(
  superblock: Superblock,
  main: BlockDevice,
  spare: BlockDevice,
  spareStart: bigint,
): Omit<RemapTable, "features"> {
  return {
    start: 0n,
    length: BigInt(superblock.mainSectors),
    main: main.number,
    mainStart: BigInt(superblock.mainStart),
    spare: spare.number,
    spareStart,
    spareLength: BigInt(superblock.spareSectors),
  };
}

/** How a table is called where it is talked about: by its device's name, if it has one. */
export function tableName(superblock: Superblock): string {
  return superblock.name === "" ? `of set ${superblock.uuid}` : `of ${printable(superblock.name)}`;
}

/** Text from a disk that anybody may have written, as a terminal can be shown it. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}

/** The dm UUID: its first word tells others whose device it is, the rest which one. */
export function dmUuid(uuid: string): string {
  return `DMREMAP-${uuid}`;
}
