// SPDX-License-Identifier: GPL-2.0-only
// Tells a program of a backup that failed: words for its command line, no shell, all else in its
// environment.
import { findProgram } from "../kmod/process.ts";
import type { BackupRun } from "./backup_run.ts";

const LONGEST_MS = 5 * 60_000;

/** The words of the command: a program whose path has blanks in it, or words between blanks. */
export function hookWords(command: string): string[] {
  const whole = findProgram(command);
  if (whole !== undefined) return [whole];
  const [program = "", ...args] = command.split(/\s+/).filter((word) => word !== "");
  return [findProgram(program) ?? program, ...args];
}

/** What the program finds in its environment. */
function hookEnvironment(run: BackupRun): Record<string, string> {
  const names = (state: string) =>
    run.outcomes.filter((outcome) => outcome.state === state).map(({ name }) => name).join(" ");
  const { problem } = run;
  const subject = problem?.device === undefined ? "" : `${problem.device}: `;
  return {
    DMREMAP_BACKUP_EXIT_CODE: `${run.exitCode}`,
    DMREMAP_BACKUP_ERROR: problem?.code ?? "",
    DMREMAP_BACKUP_MESSAGE: problem === undefined ? "" : `${subject}${problem.message}`,
    DMREMAP_BACKUP_FAILED: names("failed"),
    DMREMAP_BACKUP_TAKEN: names("taken"),
    DMREMAP_BACKUP_STORE: run.store,
    DMREMAP_BACKUP_HOST: Deno.hostname(),
  };
}

/** What went wrong with the program itself, `undefined` if nothing did; what it says goes to `say`. */
export async function runHook(
  command: string,
  run: BackupRun,
  say: (text: string) => void,
): Promise<string | undefined> {
  const [program = "", ...args] = hookWords(command);
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      env: hookEnvironment(run),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(LONGEST_MS),
    }).output();
    const decoder = new TextDecoder();
    say(decoder.decode(stdout) + decoder.decode(stderr));
    return code === 0 ? undefined : `--on-failure: ${program} ended with ${code}`;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `--on-failure: ${program} could not be run: ${why}`;
  }
}
