// SPDX-License-Identifier: GPL-2.0-only
// What has to be done with a spare before a device with metadata is created on it.
import { BLOCK_SECTORS } from "../../metadata/format.ts";
import { openImage } from "../../metadata/image.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { layoutOf } from "../../metadata/layout.ts";
import { formatMetadata, type Geometry, writeMetadata } from "../../metadata/write.ts";
import type { TableCounts } from "../../metadata/check.ts";
import type { Superblock } from "../../metadata/superblock.ts";
import { type CreateOptions, type CreatePlan, planCreate } from "../create_plan.ts";
import {
  type DeviceError,
  MetadataDamagedError,
  ProtocolError,
  TooSmallError,
  WrongPairError,
} from "../errors.ts";
import { identitiesOf } from "../identity.ts";
import { type System, thisSystem } from "../system.ts";
import { formatTable, parseFeatureWords, type RemapFeatures } from "../table_line.ts";
import { type OpenSpare, readContent, type SpareContent, spareUnreadable } from "./content.ts";
import {
  dmUuid,
  geometryDifference,
  geometryOf,
  ownershipOf,
  printable,
  tableName,
} from "./owner.ts";

export interface PersistentOptions extends CreateOptions {
  /** Start with an empty table although the spare holds one, or what is left of one. */
  readonly format?: boolean;
}

/** What becomes of the spare. */
export type SpareAction =
  /** Nothing but slots: the table is in memory. What was a table there counts no more. */
  | { readonly kind: "volatile"; readonly wipe: boolean }
  /** An empty table is written. */
  | {
    readonly kind: "format";
    readonly geometry: Geometry;
    readonly uuid: string;
    readonly mainId: string | undefined;
    /** Sectors from the start of the range that are overwritten. */
    readonly metadataSectors: number;
    /** Whose table is lost by it, in words. */
    readonly replaces: string | undefined;
  }
  /** Its table is this main device's own, and goes on as it is. */
  | {
    readonly kind: "activate";
    readonly superblock: Superblock;
    readonly counts: TableCounts;
    /** Another identity of main, to be written first. */
    readonly relabel?: string;
  };

export interface PersistentPlan extends CreatePlan {
  readonly action: SpareAction;
}

/**
 * {@linkcode planCreate}, and a look at what the spare holds. Writes nothing.
 * @throws {DeviceError} a refusal, of the class that says why
 */
export async function planPersistent(
  options: PersistentOptions,
  system: System = thisSystem,
  open: OpenSpare = openImage,
): Promise<PersistentPlan> {
  const plan = await planCreate(options, system);
  const geometry = geometryOf(plan.table, plan.main, plan.spare);
  const isVolatile = options.features.volatile === true;
  const content = look(plan, isVolatile ? undefined : geometry, open);
  if (isVolatile) return planVolatile(plan, options, content);
  const { slots, slotsStart } = layoutOf(geometry.spareSectors, geometry.blockSectors);
  if (slots === 0) {
    throw new TooSmallError("is too small for metadata and at least one slot", {
      device: plan.spare.path,
      cure: `give it ${slotsStart + 2048} sectors at least, or --volatile`,
    });
  }
  const identities = identitiesOf(plan.main, system);
  const mine = ownTable(plan, geometry, identities, content);
  if (mine !== undefined && options.format !== true) return activation(plan, options, mine);
  const { replaces, warnings } = replacement(plan, options, content, mine !== undefined);
  const uuid = crypto.randomUUID();
  return {
    ...plan,
    uuid: options.uuid ?? dmUuid(uuid),
    warnings: [...plan.warnings, ...warnings],
    action: {
      kind: "format",
      geometry,
      uuid,
      mainId: identities[0],
      metadataSectors: slotsStart,
      replaces,
    },
  };
}

/** Writes the empty table or the new identity, if that is the plan. @throws {SystemError} */
export function prepareSpare(plan: PersistentPlan, open: OpenSpare = openImage): void {
  const { action } = plan;
  if (action.kind === "activate" && action.relabel === undefined) return;
  if (action.kind === "volatile" && !action.wipe) return;
  using image = open(plan.spare.node, {
    startSectors: Number(plan.table.spareStart),
    write: true,
  });
  if (action.kind === "format") {
    formatMetadata(image, action.geometry, {
      name: plan.name,
      uuid: action.uuid,
      ...action.mainId === undefined ? {} : { mainId: action.mainId },
    });
  } else if (action.kind === "activate") {
    const { superblock, extents } = loadMetadata(image);
    writeMetadata(image, { ...superblock, mainId: action.relabel ?? superblock.mainId }, extents());
  } else {
    image.write(0, new Uint8Array(2 * BLOCK_SECTORS * 512));
    image.sync();
  }
}

function look(plan: CreatePlan, sizes: Geometry | undefined, open: OpenSpare): SpareContent {
  try {
    using image = open(plan.spare.node, { startSectors: Number(plan.table.spareStart) });
    return readContent(image, sizes);
  } catch (error) {
    throw spareUnreadable(plan.spare.path, error);
  }
}

type Sound = Extract<SpareContent, { kind: "sound" }>;

/** The table of this main device, if that is what the spare holds. @throws {WrongPairError} */
function ownTable(
  plan: CreatePlan,
  geometry: Geometry,
  identities: readonly string[],
  content: SpareContent,
): Sound | undefined {
  if (content.kind !== "sound") return undefined;
  const { superblock } = content;
  const ownership = ownershipOf(superblock, identities);
  if (ownership === "another's") return undefined;
  const fits = geometryDifference(superblock, geometry) === undefined;
  // Without an identity the name has to do: sizes alone fit many disks.
  return ownership === "own" || fits && superblock.name === plan.name ? content : undefined;
}

/** The table goes on; so do its options, unless others are given. */
function activation(
  plan: CreatePlan,
  options: PersistentOptions,
  { superblock, counts }: Sound,
): PersistentPlan {
  const difference = geometryDifference(superblock, geometryOf(plan.table, plan.main, plan.spare));
  if (difference !== undefined) {
    throw new WrongPairError(
      `holds the table of this main device already, which ${difference}`,
      {
        device: plan.spare.path,
        cure: `activate it as it is with: dmremap-ts assemble ${plan.name} --spare ` +
          `${plan.spare.path} --main ${plan.main.path}; or --format to lose it`,
      },
    );
  }
  const features = Object.keys(options.features).length > 0
    ? options.features
    : storedFeatures(superblock, plan.spare.path);
  const table = { ...plan.table, features };
  const warnings = superblock.mainId === ""
    ? ["the table does not say which main device it belongs to; name and sizes fit"]
    : [];
  return {
    ...plan,
    table,
    line: formatTable(table),
    uuid: options.uuid ?? dmUuid(superblock.uuid),
    warnings: [...plan.warnings, ...warnings],
    action: { kind: "activate", superblock, counts },
  };
}

/** The feature arguments of the last time. @throws {MetadataDamagedError} */
export function storedFeatures({ args }: Superblock, spare: string): RemapFeatures {
  try {
    if (printable(args) !== args) throw new ProtocolError("they are no text");
    const features = parseFeatureWords(args);
    if (features.volatile !== true) return features;
    throw new ProtocolError("the arguments say that there is no metadata");
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw damaged(spare, `its feature arguments make no sense: ${error.reason}`);
  }
}

/** What is lost by a new table, or a refusal to lose it. @throws {DeviceError} */
function replacement(
  plan: CreatePlan,
  options: PersistentOptions,
  content: SpareContent,
  own: boolean,
): { readonly replaces: string | undefined; readonly warnings: readonly string[] } {
  const spare = plan.spare.path;
  const lose = (allowed: boolean | undefined, what: string, refusal: DeviceError) => {
    if (allowed !== true) throw refusal;
    return { replaces: what, warnings: [`${spare}: ${what}`] };
  };
  switch (content.kind) {
    case "none":
      return { replaces: undefined, warnings: [] };
    case "newer":
      return lose(options.force, "holds metadata of a later version", newer(spare));
    case "migrated": {
      const { reason, cure } = content;
      return lose(options.format, reason, new WrongPairError(reason, { device: spare, cure }));
    }
    case "damaged": {
      const [problem] = content.problems;
      const words = problem === undefined ? "" : `: ${problem.where}: ${problem.message}`;
      const refusal = damaged(spare, `holds damaged dm-remap metadata${words}`);
      return lose(options.format, "holds damaged metadata", refusal);
    }
    case "sound": {
      const { superblock, counts } = content;
      const what = `holds the table ${tableName(superblock)}`;
      // Its own table is dropped by --format only, which was looked at before.
      if (own) return { replaces: `${what}, ${counts.remapped} sectors relocated`, warnings: [] };
      const whose = `${what}, whose main device is ${mainWords(superblock)}`;
      return lose(options.force, whose, foreign(spare, whose, superblock));
    }
  }
}

function planVolatile(
  plan: CreatePlan,
  options: PersistentOptions,
  content: SpareContent,
): PersistentPlan {
  if (content.kind === "none") return { ...plan, action: { kind: "volatile", wipe: false } };
  const what = content.kind === "sound"
    ? `holds the table ${tableName(content.superblock)}`
    : "holds dm-remap metadata";
  if (options.force !== true) {
    throw new WrongPairError(`${what}; a volatile device would overwrite it`, {
      device: plan.spare.path,
      cure: "leave --volatile away to use it, or take another spare",
    });
  }
  const warnings = [...plan.warnings, `${plan.spare.path}: ${what}`];
  return { ...plan, warnings, action: { kind: "volatile", wipe: true } };
}

function mainWords({ mainId }: Superblock): string {
  return mainId === "" ? "not known" : printable(mainId);
}

function foreign(spare: string, what: string, { uuid }: Superblock): WrongPairError {
  return new WrongPairError(`${what}; it would be lost`, {
    device: spare,
    cure: `take another spare; or --force, if set ${uuid} is of no use any more`,
  });
}

function newer(spare: string): WrongPairError {
  return new WrongPairError("holds metadata of a later version of dm-remap", {
    device: spare,
    cure: "use that version, or take another spare",
  });
}

/** The way on is the same wherever damage is met. */
export function damaged(spare: string, reason: string): MetadataDamagedError {
  return new MetadataDamagedError(reason, {
    device: spare,
    cure: `\`dmremap-ts meta check ${spare}\` says what is wrong, \`dmremap-ts meta repair\` ` +
      "saves what can be saved",
  });
}
