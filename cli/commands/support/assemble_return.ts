// SPDX-License-Identifier: GPL-2.0-only
// `assemble`, where a device is active and its spare went away.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { contentAt, type FoundSpare } from "../../device/assemble/find.ts";
import {
  checkReturned,
  isOf,
  lossOf,
  type Patient,
  spareMissing,
  tableWith,
} from "../../device/assemble/returned.ts";
import { patientsOf, takeUpAgain, takeUpElsewhere } from "../../device/assemble/take_up.ts";
import { resolveBlockDevice } from "../../device/block_device.ts";
import { AmbiguousError, RefusedError } from "../../device/errors.ts";
import { RemapDevice } from "../../device/remap_device.ts";
import { isDegraded } from "../../device/status_line.ts";
import { thisSystem } from "../../device/system.ts";
import { formatTable } from "../../device/table_line.ts";
import { alreadyActive, type Outcome, statusSummary } from "./assemble_outcome.ts";
import { devicePath } from "./device_paths.ts";
import { amount, tableFields } from "./present.ts";
import type { Session } from "./session.ts";

/** An active device, and the spare that it would have again. */
export interface Bereft {
  readonly patient: Patient;
  /** None: it is not there, or cannot be read. More than one: nobody knows which it is. */
  readonly spares: readonly FoundSpare[];
  /** It is the block device of the table. */
  readonly same: boolean;
}

/**
 * Active devices that have lost their spare.
 * @param found asked for only if there is one
 * @param named what is found was named by the user, and is looked at whatever name it has
 */
export function bereftDevices(
  dm: DeviceMapper,
  found: () => readonly FoundSpare[],
  named = false,
): Bereft[] {
  return patientsOf(dm).flatMap((patient) => {
    const loss = lossOf(patient, thisSystem);
    if (loss === undefined) return [];
    const same = loss === "read-only";
    const spares = same
      ? spareInPlace(patient)
      : found().filter((each) => named || isOf(patient, each, thisSystem));
    return [{ patient, spares, same }];
  });
}

function spareInPlace({ table }: Patient): FoundSpare[] {
  const device = resolveBlockDevice(table.spare);
  try {
    const content = contentAt(device, table.spareStart);
    return content.kind === "sound" ? [{ device, start: table.spareStart, content }] : [];
  } catch (error) {
    if (error instanceof RefusedError) return [];
    throw error;
  }
}

/** @throws {AmbiguousError} */
function theOne({ patient, spares }: Bereft): FoundSpare | undefined {
  if (spares.length < 2) return spares[0];
  const names = spares.map(({ device }) => device.node).join(", ");
  throw new AmbiguousError(`several devices could be the spare that it has lost: ${names}`, {
    device: patient.name,
    cure: `unplug the copy, or name the right one: dmremap-ts assemble ${patient.name} --spare ...`,
  });
}

/** Gives a device its spare back, if that is there. */
export async function takeUp(
  session: Session,
  dm: DeviceMapper,
  bereft: Bereft,
): Promise<Outcome> {
  const { patient, same } = bereft;
  const { name, table } = patient;
  const spare = theOne(bereft);
  if (spare === undefined) return missing(session, dm, patient, same);
  const device = RemapDevice.open(dm, name);
  await checkReturned(patient, spare, device.entries(), thisSystem);
  const line = same ? table : tableWith(patient, spare.device);
  if (session.dryRun) {
    const steps = same ? restoreSteps(name) : reloadSteps(name, formatTable(line));
    return { name, state: "planned", fields: { steps }, words: steps.join("\n"), exitCode: 0 };
  }
  session.graceMs = 60_000;
  await (same ? takeUpAgain(dm, patient) : takeUpElsewhere(dm, patient, line));
  const status = device.status();
  return {
    name,
    state: "returned",
    fields: {
      path: `/dev/mapper/${name}`,
      table: tableFields(device.table()),
      ...statusSummary(status),
    },
    words: `/dev/mapper/${name} has its spare again: ${devicePath(spare.device.number)}, ` +
      `${amount(status.remapped, session.out.units)} relocated`,
    exitCode: isDegraded(status) ? 3 : 0,
  };
}

function missing(
  session: Session,
  dm: DeviceMapper,
  patient: Patient,
  same: boolean,
): Outcome {
  const { name, table } = patient;
  session.out.warn(
    same
      ? `${name}: the table on its spare ${devicePath(table.spare)} could not be written, and ` +
        "cannot be read now"
      : spareMissing(patient).message,
  );
  return { ...alreadyActive(session, dm, patient), exitCode: 3 };
}

function reloadSteps(name: string, line: string): string[] {
  return [
    `dmsetup load ${name} --table '${line}'`,
    `dmsetup suspend --noflush --nolockfs ${name}`,
    `dmsetup resume ${name}`,
  ];
}

function restoreSteps(name: string): string[] {
  return [
    `dmsetup suspend --noflush --nolockfs ${name}`,
    `dmsetup message ${name} 0 restore`,
    `dmsetup resume ${name}`,
  ];
}
