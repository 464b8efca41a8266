// SPDX-License-Identifier: GPL-2.0-only
// Which stages run.
import { UsageError } from "../device/errors.ts";

/**
 * The stages to run, in their own order, each once.
 * @param known all stages
 * @param wanted by name; all if empty
 * @param excluded taken out of them
 * @throws {UsageError} for a name that no stage has, and if nothing is left
 */
export function selectStages(
  known: readonly string[],
  wanted: readonly string[],
  excluded: readonly string[],
): string[] {
  for (const name of [...wanted, ...excluded]) {
    if (known.includes(name)) continue;
    throw new UsageError(`there is no stage "${name}"`, {
      cure: `the stages are ${known.join(", ")}`,
    });
  }
  const chosen = known.filter((name) =>
    (wanted.length === 0 || wanted.includes(name)) && !excluded.includes(name)
  );
  if (chosen.length === 0) {
    throw new UsageError("every stage is excluded", { cure: "leave at least one to run" });
  }
  return chosen;
}
