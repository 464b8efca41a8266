// SPDX-License-Identifier: GPL-2.0-only
// The report in the form that CI servers read.
import { countCases, isAlone, type RunResult, type StageResult } from "./report.ts";

interface TestCase {
  readonly classname: string;
  readonly name: string;
  readonly ms: number;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly detail: string;
}

/** A test suite for each stage on each kernel, a test case for each case. */
export function formatJunit(runs: readonly RunResult[]): string {
  const counts = countCases(runs);
  const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
  const suites = runs.flatMap((run) => [
    ...run.stages.map((stage) => formatSuite(`${run.kernel}.${stage.name}`, casesOf(run, stage))),
    ...formatKernel(run),
  ]);
  const total = counts.passed + counts.failed + counts.skipped;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="dmremap-ts selftest" tests="${total}" failures="${counts.failed}" ` +
    `skipped="${counts.skipped}" time="${seconds.toFixed(3)}">`,
    ...suites,
    `</testsuites>\n`,
  ].join("\n");
}

function casesOf(run: RunResult, stage: StageResult): TestCase[] {
  const classname = `${run.kernel}.${stage.name}`;
  const cases = stage.cases.map((each): TestCase => ({
    classname,
    name: each.step === "" ? each.name : `${each.step}: ${each.name}`,
    ms: each.ms,
    outcome: each.outcome,
    detail: each.detail ?? "",
  }));
  if (!isAlone(stage)) return cases;
  const { name, ms, outcome, detail } = stage;
  return [...cases, { classname, name, ms, outcome, detail: detail ?? "" }];
}

/** What belongs to no stage: the kernel's complaints, and the end of the run itself. */
function formatKernel(run: RunResult): string[] {
  const classname = `${run.kernel}.kernel`;
  const failed = (name: string, detail: string): TestCase => ({
    classname,
    name,
    ms: 0,
    outcome: "failed",
    detail,
  });
  const cases = [
    ...run.complaints.length > 0 ? [failed("kernel log", run.complaints.join("\n\n"))] : [],
    ...run.trouble !== undefined ? [failed("run", run.trouble)] : [],
  ];
  return cases.length === 0 ? [] : [formatSuite(classname, cases)];
}

function formatSuite(name: string, cases: readonly TestCase[]): string {
  const count = (outcome: string) => cases.filter((each) => each.outcome === outcome).length;
  const ms = cases.reduce((sum, each) => sum + each.ms, 0);
  return [
    `  <testsuite name="${escape(name)}" tests="${cases.length}" failures="${count("failed")}" ` +
    `skipped="${count("skipped")}" time="${(ms / 1000).toFixed(3)}">`,
    ...cases.map(formatCase),
    `  </testsuite>`,
  ].join("\n");
}

function formatCase(each: TestCase): string {
  const open = `    <testcase classname="${escape(each.classname)}" name="${escape(each.name)}" ` +
    `time="${(each.ms / 1000).toFixed(3)}"`;
  if (each.outcome === "passed") return `${open}/>`;
  const tag = each.outcome === "failed" ? "failure" : "skipped";
  const first = each.detail.split("\n")[0] ?? "";
  return `${open}><${tag} message="${escape(first)}">${escape(each.detail)}</${tag}></testcase>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** XML 1.0 has no place for most control characters, not even as entities. */
function escape(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "?")
    .replace(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
