// SPDX-License-Identifier: GPL-2.0-only
//
// What a run of the mutants says in the end.
import { formatColumns } from "../../cli/output/table.ts";
import type { Judgement } from "./judge.ts";
import type { Mutant } from "./patch.ts";

export interface Outcome extends Judgement {
  readonly mutant: Mutant;
  readonly seconds: number;
  /** Of a mutant that was not caught: the end of what its command said. */
  readonly why: readonly string[];
}

/** Longer names of tests are cut: the sectors and places of a failure say nothing here. */
const WIDEST = 90;

const cut = (text: string) => text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text;

/** A line for each mutant, what is wrong, and the sum. */
export function formatOutcomes(outcomes: readonly Outcome[]): string {
  const table = formatColumns(
    [
      { heading: "MUTANT" },
      { heading: "BREAKS" },
      { heading: "CAUGHT BY" },
      { heading: "S", numeric: true },
    ],
    outcomes.map(({ mutant, verdict, by, seconds }) => [
      mutant.name,
      cut(mutant.breaks),
      cut(verdict === "caught" ? by : `${verdict.toUpperCase()}: ${by}`),
      seconds.toFixed(0),
    ]),
  );
  const bad = outcomes.filter(({ verdict }) => verdict !== "caught");
  const reasons = bad.map(({ mutant, verdict, by, why }) =>
    [`${mutant.name}: ${verdict}: ${by}`, ...why.map((line) => `  ${line}`)].join("\n")
  );
  const sum = `${outcomes.length - bad.length} passed, ${bad.length} failed`;
  return [table.trimEnd(), ...reasons, sum].join("\n\n");
}

export function formatList(mutants: readonly Mutant[]): string {
  return formatColumns(
    [{ heading: "MUTANT" }, { heading: "BREAKS" }, { heading: "CAUGHT BY" }, { heading: "RUN" }],
    mutants.map(({ name, breaks, caughtBy, command }) => [
      name,
      breaks,
      caughtBy,
      command.join(" "),
    ]),
  ).trimEnd();
}

/** The same for programs. */
export function outcomesJson(outcomes: readonly Outcome[]): string {
  const mutants = outcomes.map(({ mutant: { name, breaks, command }, verdict, by, seconds }) => ({
    name,
    breaks,
    command: command.join(" "),
    verdict,
    by,
    seconds: Math.round(seconds),
  }));
  return JSON.stringify({ schema_version: 1, mutants }, null, 2);
}
