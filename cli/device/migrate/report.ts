// SPDX-License-Identifier: GPL-2.0-only
// A migration to another spare: its messages and their reply.
import { DeviceMapperError } from "../../../ffi/errors.ts";
import { BusyError, ProtocolError, RefusedError, TooSmallError } from "../errors.ts";
import { migrateMessage, parseCounts, parseKeyValues } from "../messages.ts";
import type { RemapDevice } from "../remap_device.ts";

/** `none`: there was none since the device was activated. */
export const MIGRATION_STATES = ["none", "running", "done", "stopped", "failed"] as const;
/** One of {@linkcode MIGRATION_STATES}. */
export type MigrationState = (typeof MIGRATION_STATES)[number];

/** The migration under way, or the last one. */
export interface MigrationReport {
  readonly state: MigrationState;
  readonly progressPercent: number;
  /** Sectors of slots. */
  readonly copied: bigint;
  readonly total: bigint;
  /** Sectors that could not be read on the old spare, and are lost now. */
  readonly lost: bigint;
  /** Why it ended, if not well; `none` otherwise. */
  readonly reason: string;
}

/** Where slots and metadata are to go; the number of a device, `major:minor`. */
export interface MigrationTarget {
  readonly spare: string;
  readonly start: bigint;
  readonly length: bigint;
}

export const STOP_MESSAGE = "migrate stop";
export const STATUS_MESSAGE = "migrate status";

/** The message that starts a migration. */
export function startMessage({ spare, start, length }: MigrationTarget): string {
  return migrateMessage(spare, { start, length });
}

/**
 * Reads the reply of `migrate status`. Fields that this version does not know are passed over.
 *
 * ```ts
 * import { parseMigration } from "./report.ts";
 * parseMigration("migrate=done progress=100% copied=8 total=8 lost=0 reason=none").state; // "done"
 * ```
 *
 * @throws {ProtocolError}
 */
export function parseMigration(reply: string): MigrationReport {
  const fields = parseKeyValues(reply);
  const state = MIGRATION_STATES.find((known) => known === fields.get("migrate"));
  const progress = /^(\d{1,3})%$/.exec(fields.get("progress") ?? "");
  if (state === undefined || progress === null || Number(progress[1]) > 100) {
    throw new ProtocolError(`unreadable migration "${reply}"`);
  }
  return {
    state,
    progressPercent: Number(progress[1]),
    ...parseCounts(reply, ["copied", "total", "lost"]),
    reason: fields.get("reason") ?? "none",
  };
}

/** Gives back what {@linkcode parseMigration} read. */
export function formatMigration(report: MigrationReport): string {
  return `migrate=${report.state} progress=${report.progressPercent}% copied=${report.copied} ` +
    `total=${report.total} lost=${report.lost} reason=${report.reason}`;
}

/** @throws {BusyError | TooSmallError | RefusedError | DeviceMapperError} */
export async function startMigration(device: RemapDevice, target: MigrationTarget): Promise<void> {
  try {
    await device.send(startMessage(target));
  } catch (error) {
    throw explain(error, device.name);
  }
}

/** Stops the migration, if there is one: the old spare stays the one in use. */
export async function stopMigration(device: RemapDevice): Promise<void> {
  await device.send(STOP_MESSAGE);
}

export async function askMigration(device: RemapDevice): Promise<MigrationReport> {
  return parseMigration(await device.send(STATUS_MESSAGE));
}

/** What the errnos of the message mean; the kernel's own words stay the cause. */
function explain(error: unknown, device: string): unknown {
  if (!(error instanceof DeviceMapperError)) return error;
  const options = (cure: string) => ({ device, cure, cause: error });
  switch (error.code) {
    case "EBUSY":
      return new BusyError(
        "the kernel says that a migration is under way, or that the new spare is in use",
        options(`dmremap-ts migrate ${device} --status shows it, --cancel ends it`),
      );
    case "ENOSPC":
      return new TooSmallError(
        "the new spare has too few slots for what is relocated",
        options("take a larger one"),
      );
    case "EEXIST":
      return new RefusedError(
        "the new spare holds something that the kernel does not overwrite",
        options("see what it is: dmremap-ts meta check; then wipefs --all, or another spare"),
      );
    default:
      return error;
  }
}
