// SPDX-License-Identifier: GPL-2.0-only
// What `--dry-run` prints: commands that could be typed, or the same as JSON.
import type { Output } from "../../output/output.ts";

/** What a command would do. */
export interface DryRun {
  readonly device: string;
  /** What it would do first, in words. */
  readonly notes?: readonly string[];
  /** What would become of the spare. */
  readonly spare?: string;
  /** Of the dm device. */
  readonly uuid?: string;
  /** The dm table line it would load. */
  readonly table?: string;
  /** Messages it would send to the target. */
  readonly messages?: readonly string[];
  /** Whether it would remove the device. */
  readonly remove?: boolean;
}

/** Prints what would be done. */
export function showDryRun(out: Output, plan: DryRun): void {
  out.result(
    {
      dry_run: true,
      device: plan.device,
      steps: plan.notes,
      spare: plan.spare,
      uuid: plan.uuid,
      table: plan.table,
      messages: plan.messages,
      remove: plan.remove,
    },
    () => dryRunLines(plan).join("\n"),
  );
}

/** The plan as dmsetup(8) commands. */
export function dryRunLines(plan: DryRun): string[] {
  const device = shellWord(plan.device);
  const uuid = plan.uuid === undefined ? "" : `--uuid ${shellWord(plan.uuid)} `;
  return [
    ...(plan.notes ?? []).map((note) => `# ${note}`),
    ...plan.table === undefined
      ? []
      : [`dmsetup create ${device} ${uuid}--table ${shellWord(plan.table)}`],
    ...(plan.messages ?? []).map((message) => `dmsetup message ${device} 0 ${message}`),
    ...plan.remove ? [`dmsetup remove ${device}`] : [],
  ];
}

/** Quotes a word for a POSIX shell where it needs quotes. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Prints programs that would be run. */
export function showCommands(out: Output, commands: readonly (readonly string[])[]): void {
  out.result(
    { dry_run: true, commands },
    () => commands.map((words) => words.map(shellWord).join(" ")).join("\n"),
  );
}
