// SPDX-License-Identifier: GPL-2.0-only
// From a spare that was found to a table line that can be loaded.
import { openImage } from "../../metadata/image.ts";
import type { Problem } from "../../metadata/problem.ts";
import { type BlockDevice, resolveBlockDevice } from "../block_device.ts";
import {
  AmbiguousError,
  DeviceNotFoundError,
  RefusedError,
  UsageError,
  WrongPairError,
} from "../errors.ts";
import { type Superblock, tookOverFrom, wasGivenUp } from "../../metadata/superblock.ts";
import { identitiesOf } from "../identity.ts";
import { findUse } from "../in_use.ts";
import type { OpenSpare } from "../spare/content.ts";
import { dmUuid, printable, tableName, tableOf } from "../spare/owner.ts";
import { damaged, type PersistentPlan, storedFeatures } from "../spare/prepare.ts";
import { type System, thisSystem } from "../system.ts";
import { formatTable } from "../table_line.ts";
import type { ActiveDevice } from "./active.ts";
import { contentAt, findSpares, type FoundSpare, type Search, sparesOf } from "./find.ts";
import {
  type Candidate,
  candidatesOf,
  checkNamedMain,
  matchMain,
  type TablePlace,
} from "./match.ts";

/** What the user said of the pair. */
export interface AssembleOptions {
  /** Paths of block devices. */
  readonly spare?: string;
  readonly spareStart?: bigint;
  readonly main?: string;
  /** `main` is right, whatever the table says of its identity: that is written anew. */
  readonly force?: boolean;
}

/** What was found for one device: a plan, or why there is none. */
export type Assembly =
  | { readonly name: string; readonly plan: PersistentPlan }
  /** Not to be activated, which is as it should be. */
  | { readonly name: string; readonly spare: string; readonly skipped: string }
  | { readonly name: string; readonly spare: string; readonly error: unknown };

/** Plans against one look at the machine. */
export class Assembler {
  readonly #system: System;
  readonly #open: OpenSpare;
  readonly #active: readonly ActiveDevice[];
  #candidates: readonly Candidate[] | undefined;
  #search: Search | undefined;
  #inUse: readonly FoundSpare[] | undefined;

  /** @param active devices whose spares nobody else may have; what took over from another, too */
  constructor(
    system: System = thisSystem,
    open: OpenSpare = openImage,
    active: readonly ActiveDevice[] = [],
  ) {
    this.#system = system;
    this.#open = open;
    this.#active = active;
  }

  /** What the search could not look at. */
  get remarks(): readonly string[] {
    return this.#search?.remarks ?? [];
  }

  /** One device by its name. @throws {DeviceError} */
  one(name: string, options: AssembleOptions = {}): PersistentPlan {
    const spare = options.spare === undefined
      ? this.#named(name)
      : this.given(options.spare, options.spareStart);
    return this.#plan(name, spare, options);
  }

  /** Every table that was found, but for those that are spoken for. */
  all(except: readonly FoundSpare[] = []): Assembly[] {
    return this.found().filter((spare) => !except.includes(spare)).map((spare) => {
      const name = nameOf(spare);
      const left = this.#leftBehind(spare);
      if (left !== undefined) {
        return { name: printable(name), spare: spare.device.path, skipped: left.reason };
      }
      try {
        if (name === "" && spare.content.kind === "sound") {
          throw new RefusedError("holds a table that has no name yet", {
            device: spare.device.path,
            cure: `give it one: dmremap-ts assemble NAME --spare ${spare.device.path}`,
          });
        }
        if (!/^[\x21-\x7e]*$/.test(name) || name.includes("/")) {
          throw new RefusedError("holds a table whose name cannot be that of a device", {
            device: spare.device.path,
            cure: `give it another: dmremap-ts assemble NAME --spare ${spare.device.path}`,
          });
        }
        if (name !== "") this.#checkAlone(name, spare);
        return { name, plan: this.#plan(name, spare, {}) };
      } catch (error) {
        return { name: printable(name), spare: spare.device.path, error };
      }
    });
  }

  /** Every spare that nobody holds. */
  found(): readonly FoundSpare[] {
    this.#search ??= findSpares(this.#system, this.#open);
    return this.#search.found;
  }

  #named(name: string): FoundSpare {
    const named = this.found().filter((each) => nameOf(each) === name);
    const spare = named.find((each) => this.#leftBehind(each) === undefined);
    if (spare === undefined) {
      for (const each of named) this.#refuseLeft(each);
      const [nameless] = this.found().flatMap(({ content, device }) =>
        content.kind === "damaged" && content.superblock === undefined ? [{ content, device }] : []
      );
      if (nameless !== undefined) {
        const { content, device } = nameless;
        throw damaged(device.node, `${damageOf(content.problems)} - that of ${name}, maybe`);
      }
      throw new DeviceNotFoundError("no spare with the table of that device was found", {
        device: name,
        cure:
          "plug it in, or name it with --spare; `dmremap-ts assemble --all -n` shows all tables",
      });
    }
    this.#checkAlone(name, spare);
    return spare;
  }

  /** Two copies of a table, or two tables of one name: which one is meant cannot be told. */
  #checkAlone(name: string, spare: FoundSpare): void {
    const uuid = uuidOf(spare);
    const same = this.found().filter((each) =>
      this.#leftBehind(each) === undefined &&
      (nameOf(each) === name || uuid !== undefined && uuidOf(each) === uuid)
    );
    if (same.length < 2) return;
    const names = same.map(({ device }) => device.node).join(", ");
    const copies = same.every((each) => uuidOf(each) === uuid);
    throw new AmbiguousError(
      copies
        ? `several spares hold the same table: ${names}`
        : `several spares hold a table of that name: ${names}`,
      {
        device: name,
        cure: copies
          ? "unplug the copy, or name the right one with --spare"
          : "name each with --spare, and give one of them another name",
      },
    );
  }

  /** A spare that is not the one to go on with, because of a migration from it or to it. */
  #leftBehind(spare: FoundSpare): { readonly reason: string; readonly cure: string } | undefined {
    const { content } = spare;
    if (content.kind === "migrated") return content;
    const own = superblockOf(spare);
    if (own === undefined) return undefined;
    this.#inUse ??= sparesOf(this.#active, this.#system, this.#open);
    for (const each of [...this.found(), ...this.#inUse]) {
      const other = superblockOf(each);
      if (other === undefined) continue;
      const { node } = each.device;
      // Whatever is wrong with the newer one, the older one has old content.
      if (tookOverFrom(other, own)) {
        return {
          reason: `its content has moved to ${node}: what is on it is old`,
          cure:
            "go on with that spare; dmremap-ts create --format uses this one for something else",
        };
      }
      if (wasGivenUp(own, other)) {
        return {
          reason: `${node} went on after a migration from there to this one was given up`,
          cure:
            "go on with that spare; dmremap-ts create --format uses this one for something else",
        };
      }
    }
    return undefined;
  }

  /** @throws {WrongPairError} */
  #refuseLeft(spare: FoundSpare): void {
    const left = this.#leftBehind(spare);
    if (left === undefined) return;
    throw new WrongPairError(left.reason, { device: spare.device.node, cure: left.cure });
  }

  /** A spare that the user named. @throws {DeviceError} */
  given(path: string, start = 0n): FoundSpare {
    const device = resolveBlockDevice(path, this.#system);
    if (start >= device.sizeSectors) {
      throw new UsageError(`has no sector ${start}`, { device: path });
    }
    const content = contentAt(device, start, this.#open);
    if (content.kind !== "none") return { device, start, content };
    throw new WrongPairError("holds no dm-remap metadata", {
      device: path,
      cure: start === 0n
        ? "name another spare, or where on it the range starts with --spare-start"
        : "look at --spare-start again",
    });
  }

  #plan(name: string, spare: FoundSpare, options: AssembleOptions): PersistentPlan {
    const { device, start, content } = spare;
    if (content.kind === "newer") {
      throw new WrongPairError("holds metadata of a later version of dm-remap", {
        device: device.path,
        cure: "use that version",
      });
    }
    if (content.kind === "migrated") {
      throw new WrongPairError(content.reason, { device: device.node, cure: content.cure });
    }
    this.#refuseLeft(spare);
    if (content.kind === "damaged") throw damaged(device.node, damageOf(content.problems));
    const { superblock, counts } = content;
    const place = { superblock, spare: device, start };
    const { main, relabel, warning } = options.main === undefined
      ? { main: matchMain(place, this.#candidates ??= candidatesOf(this.#system)) }
      : this.#namedMain(options.main, place, options.force === true);
    this.#checkFree(main, device);
    const table = {
      ...tableOf(superblock, main, device, start),
      features: storedFeatures(superblock, device.node),
    };
    return {
      name,
      table,
      line: formatTable(table),
      main,
      spare: device,
      uuid: dmUuid(superblock.uuid),
      readOnly: false,
      warnings: warning === undefined ? [] : [warning],
      action: {
        kind: "activate",
        superblock,
        counts,
        ...relabel === undefined ? {} : { relabel },
      },
    };
  }

  #namedMain(path: string, place: TablePlace, force: boolean): NamedMain {
    const main = resolveBlockDevice(path, this.#system);
    const identities = identitiesOf(main, this.#system);
    const table = `the table ${tableName(place.superblock)}`;
    const warning = checkNamedMain(place, { device: main, identities }, force) ??
      (place.superblock.mainId === ""
        ? `${table} does not say which main device it belongs to`
        : undefined);
    const [relabel] = identities;
    return {
      main,
      ...warning === undefined ? {} : { warning },
      ...force && warning !== undefined && relabel !== undefined ? { relabel } : {},
    };
  }

  #checkFree(main: BlockDevice, spare: BlockDevice): void {
    for (const device of main.number === spare.number ? [main] : [main, spare]) {
      const use = findUse(device, this.#system);
      if (use !== undefined) throw use;
    }
  }
}

/** A main device that the user named. */
interface NamedMain {
  readonly main: BlockDevice;
  /** What the table says otherwise, and the identity that is to be written in its place. */
  readonly warning?: string;
  readonly relabel?: string;
}

function nameOf({ content }: FoundSpare): string {
  return content.kind === "newer" ? "" : content.superblock?.name ?? "";
}

function uuidOf({ content }: FoundSpare): string | undefined {
  return content.kind === "newer" ? undefined : content.superblock?.uuid;
}

/** The superblock, where it says of which table the spare is or would be. */
function superblockOf({ content }: FoundSpare): Superblock | undefined {
  return content.kind === "newer" || content.kind === "migrated" ? undefined : content.superblock;
}

function damageOf(problems: readonly Problem[]): string {
  const [first] = problems;
  if (first === undefined) return "holds damaged metadata";
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  return `holds damaged metadata: ${first.where}: ${first.message}${more}`;
}
