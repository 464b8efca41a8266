// SPDX-License-Identifier: GPL-2.0-only
// How `assemble` went with one device.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import type { ActiveDevice } from "../../device/assemble/active.ts";
import { RemapDevice } from "../../device/remap_device.ts";
import { isDegraded, type RemapStatus } from "../../device/status_line.ts";
import { type ExitCode, exitCodeOf } from "../../output/exit_codes.ts";
import type { JsonFields } from "../../output/json.ts";
import { describeProblem, problemProse } from "../../output/problem.ts";
import { devicePath } from "./device_paths.ts";
import { tableFields } from "./present.ts";
import type { Session } from "./session.ts";

export interface Outcome {
  readonly name: string;
  readonly state: "activated" | "active" | "returned" | "planned" | "skipped" | "failed";
  readonly fields: JsonFields;
  /** For people. */
  readonly words: string;
  readonly exitCode: ExitCode;
}

/** One that fails must not keep the others from coming up. */
export async function attempt(
  session: Session,
  name: string,
  spare: string,
  action: () => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await action();
  } catch (error) {
    const { message, device, code, exitCode, cure } = describeProblem(error);
    session.terminal.writeErr(
      session.out.json ? "" : `${problemProse(describeProblem(error))}\n`,
    );
    return {
      name,
      state: "failed",
      fields: {
        spare: devicePath(spare),
        error: { code, exit_code: exitCode, device, message, cure },
      },
      words: "",
      exitCode: exitCodeOf(error),
    };
  }
}

/** One that is left alone. */
export function alreadyActive(session: Session, dm: DeviceMapper, device: ActiveDevice): Outcome {
  const { name, table } = device;
  const status = RemapDevice.open(dm, name).status();
  return {
    name,
    state: "active",
    fields: {
      path: `/dev/mapper/${name}`,
      table: tableFields(table),
      ...statusSummary(status),
    },
    words: session.out.quiet ? "" : `/dev/mapper/${name} is active already`,
    exitCode: 0,
  };
}

export function statusSummary(status: RemapStatus): JsonFields {
  return {
    health: status.health,
    degraded: isDegraded(status),
    remapped_sectors: status.remapped,
    lost_sectors: status.lost,
  };
}
