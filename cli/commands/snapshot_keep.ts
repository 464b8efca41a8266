// SPDX-License-Identifier: GPL-2.0-only
// The options that say which snapshots stay, as restic has them.
import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { UsageError } from "../device/errors.ts";
import type { JsonFields } from "../output/json.ts";
import {
  applyPolicy,
  type Duration,
  isEmptyPolicy,
  parseDuration,
  type Retention,
  type RetentionPolicy,
} from "../store/retention.ts";
import type { HeadFilter, SnapshotHead, Store } from "../store/types.ts";

/** What these options leave in the options of a command. */
export interface KeepOptions {
  readonly keepLast?: number;
  readonly keepHourly?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  readonly keepWithin?: Duration;
}

const KINDS = [
  ["last", "keep the last n snapshots"],
  ["hourly", "keep the last one of each of n hours that have one"],
  ["daily", "the same of days"],
  ["weekly", "the same of weeks"],
  ["monthly", "the same of months"],
  ["yearly", "the same of years"],
] as const;

/** What the help of both commands says of them. */
export const KEEP_NOTE =
  "Each device is looked at for itself, in the local time zone. A snapshot " +
  "stays if one of the --keep options wants it; n may be `unlimited`.";

/** Adds `--keep-last` and its like. */
export function addKeepOptions(command: CommandUnknownOpts): void {
  for (const [kind, description] of KINDS) {
    command.addOption(new Option(`--keep-${kind} <n>`, description).argParser(countToKeep));
  }
  command.addOption(
    new Option("--keep-within <duration>", "keep what is newer than that, such as 1y6m or 14d")
      .argParser(durationToKeep),
  );
}

function countToKeep(text: string): number {
  if (text === "unlimited") return Infinity;
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new InvalidArgumentError("Give a whole number from 1 on, or unlimited.");
  }
  return Number(text);
}

function durationToKeep(text: string): Duration {
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new InvalidArgumentError(
      "Write years, months, days and hours, such as 1y6m, 14d or 36h.",
    );
  }
}

/** The policy, `undefined` if nothing is said. */
export function policyOf(options: KeepOptions): RetentionPolicy | undefined {
  const { keepLast, keepHourly, keepDaily, keepWeekly, keepMonthly, keepYearly, keepWithin } =
    options;
  const policy: RetentionPolicy = {
    ...keepLast !== undefined && { last: keepLast },
    ...keepHourly !== undefined && { hourly: keepHourly },
    ...keepDaily !== undefined && { daily: keepDaily },
    ...keepWeekly !== undefined && { weekly: keepWeekly },
    ...keepMonthly !== undefined && { monthly: keepMonthly },
    ...keepYearly !== undefined && { yearly: keepYearly },
    ...keepWithin !== undefined && { within: keepWithin },
  };
  return isEmptyPolicy(policy) ? undefined : policy;
}

/** What was done, or would be. */
export interface Pruned extends Retention<SnapshotHead> {
  readonly freedBytes: number;
}

/** Removes what the policy does not keep. */
export function prune(
  store: Store,
  policy: RetentionPolicy,
  filter: HeadFilter,
  dryRun: boolean,
): Pruned {
  const retention = applyPolicy(store.heads(filter), policy);
  const ids = retention.remove.map(({ id }) => id);
  const freedBytes = dryRun || ids.length === 0 ? 0 : store.remove(ids).freedBytes;
  return { ...retention, freedBytes };
}

/** As JSON fields. */
export function prunedFields({ keep, remove, freedBytes }: Pruned): JsonFields {
  const named = ({ id, device, takenAt }: SnapshotHead) => ({
    id,
    device: device.name,
    taken_at: takenAt,
  });
  return {
    kept: keep.map(({ snapshot, reasons }) => ({ ...named(snapshot), reasons })),
    removed: remove.map(named),
    freed_bytes: freedBytes,
  };
}
