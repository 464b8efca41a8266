// SPDX-License-Identifier: GPL-2.0-only
// The report for people.
import { countCases, hasPassed, type RunResult, type StageResult } from "./report.ts";

/** A table of stages for each kernel, what failed with its reason, and the sum. */
export function formatReport(runs: readonly RunResult[]): string {
  const { passed, failed, skipped } = countCases(runs);
  const sum = `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
  return [...runs.map(formatRun), sum].join("\n\n");
}

function formatRun(run: RunResult): string {
  const where = run.place === "guest" ? "in a virtual machine" : "on this machine";
  const kernel = run.release === "" ? run.kernel : run.release;
  const verdict = hasPassed(run) ? "passed" : "failed";
  const title = `kernel ${kernel}, ${where}: ${verdict} in ${run.seconds.toFixed(1)} s ` +
    `(seed ${run.seed})`;
  return [
    title,
    ...run.stages.flatMap(formatStage),
    ...run.complaints.map((text) => indent(`the kernel complained:\n${text}`)),
    ...run.trouble === undefined ? [] : [indent(run.trouble)],
  ].join("\n");
}

function formatStage(stage: StageResult): string[] {
  const count = (outcome: string) => stage.cases.filter((each) => each.outcome === outcome).length;
  const ran = `${count("passed")} of ${stage.cases.length} cases passed`;
  const reason = stage.detail === undefined ? "" : `: ${indent(stage.detail).trimStart()}`;
  const seconds = `${(stage.ms / 1000).toFixed(1)} s`;
  const line = `  ${stage.name.padEnd(12)} ${stage.outcome.padEnd(8)} ${seconds.padStart(8)}  ` +
    (stage.cases.length > 0 ? `${ran}${reason}` : reason.slice(2));
  return [line.trimEnd(), ...formatFigures(stage), ...formatTroubles(stage)];
}

function formatFigures(stage: StageResult): string[] {
  const width = Math.max(0, ...stage.figures.map(({ name }) => name.length));
  return stage.figures.map(({ name, value, unit }) =>
    `      ${name.padEnd(width)} ${formatValue(value).padStart(10)} ${unit}`
  );
}

function formatValue(value: number): string {
  return Number.isInteger(value) ? `${value}` : value.toFixed(2);
}

function formatTroubles(stage: StageResult): string[] {
  return stage.cases.filter(({ outcome }) => outcome !== "passed").map((each) => {
    const place = each.step === "" ? each.name : `${each.step}: ${each.name}`;
    return indent(`${each.outcome}: ${place}\n${indent(each.detail ?? "")}`);
  });
}

function indent(text: string): string {
  return text.split("\n").map((line) => `    ${line}`.trimEnd()).join("\n");
}
