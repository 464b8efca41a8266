// SPDX-License-Identifier: GPL-2.0-only
// `create` with areas that are known to be bad.
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { RefusedError, TooSmallError, UsageError } from "../device/errors.ts";
import { maxRemaps, tooMany } from "../device/known_bad.ts";
import type { PersistentPlan } from "../device/lifecycle.ts";
import { RemapDevice } from "../device/remap_device.ts";
import { geometryOf } from "../device/spare/owner.ts";
import { requirePendingRoom, writePending } from "../device/spare/pending.ts";
import type { Placed } from "../lists/place.ts";
import type { BlockState } from "../lists/ddrescue.ts";
import { layoutOf } from "../metadata/layout.ts";
import type { JsonFields } from "../output/json.ts";
import {
  applyFate,
  type Fate,
  fateMessages,
  noteElsewhere,
  type Outcome,
  placeList,
} from "./import_areas.ts";
import { readList } from "./import_source.ts";
import { amount } from "./support/present.ts";
import type { Session } from "./support/session.ts";

/** The options of `create` that name a list. */
export interface KnownOptions {
  readonly badblocks?: string;
  readonly ddrescue?: string;
  readonly blockSize?: bigint;
  readonly states?: ReadonlySet<BlockState>;
  readonly pending?: true;
  readonly listOffset?: bigint;
}

/** Known bad areas on the device that is to be created. */
export interface KnownAreas extends Placed {
  readonly file: string;
  readonly fate: Fate;
  /** They are written with the empty table, so that nothing is left to be done by the kernel. */
  readonly written: boolean;
}

/** @throws {UsageError} for options that mean nothing without another one */
export function checkKnownOptions(options: KnownOptions & { readonly readOnly?: true }): void {
  const { badblocks, ddrescue } = options;
  const list = badblocks ?? ddrescue;
  const needs = (option: string, given: unknown, what: string | undefined, needed: string) => {
    if (given === undefined || what !== undefined) return;
    throw new UsageError(`${option} is of no use without ${needed}`);
  };
  needs("--block-size", options.blockSize, badblocks, "--badblocks");
  needs("--states", options.states, ddrescue, "--ddrescue");
  needs("--pending", options.pending, list, "--badblocks or --ddrescue");
  needs("--list-offset", options.listOffset, list, "--badblocks or --ddrescue");
  if (list !== undefined && options.readOnly) {
    throw new UsageError("--read-only relocates nothing: no list can be given with it");
  }
}

/**
 * Reads the list that is given, and sees that it is of this main device and finds room.
 * @throws {DeviceError}
 */
export async function readKnown(
  session: Session,
  plan: PersistentPlan,
  options: KnownOptions,
): Promise<KnownAreas | undefined> {
  const { badblocks, ddrescue, blockSize, states, listOffset } = options;
  const file = badblocks ?? ddrescue;
  if (file === undefined) return undefined;
  const list = await readList(session, {
    format: badblocks === undefined ? "ddrescue" : "badblocks",
    file,
    ...blockSize === undefined ? {} : { blockSize },
    ...states === undefined ? {} : { states },
  });
  const { main, table } = plan;
  const frame = {
    start: (listOffset ?? 0n) + table.mainStart,
    length: table.length,
    blockSectors: main.logicalBlockSectors,
  };
  const placed = placeList(list, frame, listOffset === undefined ? main : undefined);
  noteElsewhere(session, list.file, placed);
  const fate = options.pending ? "pending" : "relocate";
  const written = fate === "pending" && plan.action.kind === "format";
  const known = { ...placed, file: list.file, fate, written } as const;
  requireRoom(plan, known);
  return known;
}

/** What can be known before there is a device. */
function requireRoom(plan: PersistentPlan, { fate, written, ranges, sectors }: KnownAreas): void {
  const { action, spare, table } = plan;
  const geometry = geometryOf(table, plan.main, spare);
  if (written) requirePendingRoom(spare.path, geometry, ranges);
  // A table that goes on may hold some of them already: the kernel will tell.
  if (fate === "pending" || action.kind === "activate") return;
  const slots = action.kind === "volatile"
    ? table.spareLength
    : BigInt(layoutOf(geometry.spareSectors, geometry.blockSectors).slots);
  if (sectors > slots) {
    throw new TooSmallError(`${sectors} sectors to relocate, but it has room for ${slots}`, {
      device: spare.path,
      cure: "see that the list is of this disk and in the right block size, or take a larger spare",
    });
  }
  const allowed = maxRemaps(table.features);
  if (allowed !== 0n && sectors > allowed) throw tooMany(plan.name, sectors, allowed);
}

/** After the spare was prepared, before the device is there. */
export function writeKnown(plan: PersistentPlan, known: KnownAreas | undefined): void {
  if (known?.written) writePending(plan, known.ranges);
}

/** Once the device is there; if that fails it is taken away again. */
export async function settleKnown(
  session: Session,
  dm: DeviceMapper,
  { name }: PersistentPlan,
  known: KnownAreas | undefined,
): Promise<Outcome | undefined> {
  if (known === undefined) return undefined;
  const nothing = { relocated: 0n, lost: 0n, pending: 0n };
  if (known.written) return { ...nothing, pending: known.sectors };
  try {
    return await applyFate(session, RemapDevice.open(dm, name), known.fate, known);
  } catch (error) {
    await dm.remove(name, { retry: true }).catch((cause) => {
      throw new RefusedError("was created, but not all that is known to be bad was taken over", {
        device: name,
        cure: `see what is the matter, and go on with: dmremap-ts import, or dmremap-ts remove ` +
          `${name}`,
        cause,
      });
    });
    throw error;
  }
}

/** For `--dry-run`. */
export function knownSteps({ table }: PersistentPlan, known: KnownAreas | undefined): {
  readonly note?: string;
  readonly messages?: readonly string[];
} {
  if (known === undefined) return {};
  if (known.written) return { note: `write ${known.sectors} pending sectors into that table` };
  return { messages: fateMessages(known.fate, known.ranges, table.length) };
}

export function knownFields(
  known: KnownAreas | undefined,
  outcome: Outcome | undefined,
): JsonFields {
  if (known === undefined || outcome === undefined) return {};
  return {
    known_bad: {
      file: known.file,
      areas: known.ranges.length,
      areas_elsewhere: known.elsewhere,
      listed_sectors: known.sectors,
      remapped_sectors: outcome.relocated,
      lost_sectors: outcome.lost,
      pending_sectors: outcome.pending,
    },
  };
}

/** The same in words, to be appended. */
export function knownWords({ out }: Session, outcome: Outcome | undefined): string {
  if (outcome === undefined) return "";
  const { relocated, lost, pending } = outcome;
  const parts = [
    relocated > 0n || pending === 0n ? `${amount(relocated, out.units)} relocated` : "",
    lost > 0n ? `${amount(lost, out.units)} of them lost` : "",
    pending > 0n ? `${amount(pending, out.units)} pending` : "",
  ];
  return `; from the list: ${parts.filter((part) => part !== "").join(", ")}`;
}
