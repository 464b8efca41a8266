// SPDX-License-Identifier: GPL-2.0-only
// What `health` and `status` both ask a device, and how they begin to tell of it.
import type { HealthReason, HealthReport } from "../../device/health.ts";
import { listRemapDevices, RemapDevice } from "../../device/remap_device.ts";
import { isDegraded, type RemapStatus } from "../../device/status_line.ts";
import type { RemapTable } from "../../device/table_line.ts";
import type { JsonFields } from "../../output/json.ts";
import type { Output } from "../../output/output.ts";
import { type Condition, conditionsOf } from "./advice.ts";
import { deviceName } from "./names.ts";
import { healthTone } from "./present.ts";
import type { Session } from "./session.ts";

/** A device and what it says of itself. */
export interface Examination {
  readonly name: string;
  readonly suspended: boolean;
  readonly table: RemapTable;
  readonly status: RemapStatus;
  readonly health: HealthReport;
  readonly conditions: readonly Condition[];
}

/** Asks a device; it does no I/O for the answers, and may be suspended. */
async function examine(device: RemapDevice): Promise<Examination> {
  const { name } = device;
  const { suspended } = device.info();
  const table = device.table();
  const health = await device.health();
  const status = device.status();
  const { reasons } = health;
  const patient = { name, suspended, status, features: table.features, reasons };
  return { name, suspended, table, status, health, conditions: conditionsOf(patient) };
}

/** The devices that are named, or all of them; the exit code tells if one is not well. */
export async function examineAll(
  session: Session,
  typed: readonly string[],
): Promise<Examination[]> {
  const names = typed.map(deviceName);
  using dm = session.openDeviceMapper();
  const devices = names.length === 0
    ? listRemapDevices(dm)
    : names.map((name) => RemapDevice.open(dm, name));
  const examinations = await Promise.all(devices.map(examine));
  if (examinations.some(isUnwell)) session.degraded();
  if (examinations.length === 0) session.out.note("no remap devices");
  return examinations;
}

/** Whether the exit code is to tell. Of two answers that a change came between, the worse counts. */
function isUnwell({ status, health }: Examination): boolean {
  return isDegraded(status) || isDegraded({ ...status, health: health.health });
}

/** What {@linkcode examine} found, as JSON fields. */
export function examinationFields(examination: Examination): JsonFields {
  const { name, suspended, health, conditions } = examination;
  return {
    name,
    suspended,
    health: health.health,
    degraded: isUnwell(examination),
    score: health.score,
    reasons: health.reasons.map(reasonFields),
    conditions: conditions.map(({ id, status, action }) => ({ id, status, action })),
  };
}

/** Words that count sectors; the others count blocks or requests. */
const SECTOR_WORDS = ["lost", "pending", "bad_slots", "relocated"];

function reasonFields({ word, value, percent }: HealthReason): JsonFields {
  if (value === undefined) return { reason: word };
  if (percent) return { reason: word, percent: value };
  return SECTOR_WORDS.includes(word)
    ? { reason: word, count_sectors: value }
    : { reason: word, count: value };
}

/** "r0: warning, score 85 of 100" and what is behind it, for {@linkcode formatPairs}. */
export function headline(out: Output, { name, suspended, health }: Examination): string {
  const state = out.tint(healthTone(health.health), health.health);
  const score = health.score === 100 ? "" : `, score ${health.score} of 100`;
  return `${name}: ${state}${score}${suspended ? ", suspended" : ""}`;
}

/** A `status` and an `action` line for everything that is the matter. */
export function conditionPairs({ conditions }: Examination): [string, string][] {
  if (conditions.length === 0) return [["action", "nothing needs doing"]];
  return conditions.flatMap(({ id, status, action }): [string, string][] => [
    ["status", `${status} [${id}]`],
    ["action", action],
  ]);
}
