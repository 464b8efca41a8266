// SPDX-License-Identifier: GPL-2.0-only
//
// The mutation gate: each patch below this folder breaks something, and a named test has to notice.
//
//   deno task mutants [--sample N] [--only NAME]... [--list] [--json] [--baseline] [--lanes N]
//
// `--sample N`: N of them, others after each commit. `--only NAME`: those with this in their names.
// `--baseline`: see first that each command passes without a change; all of them together do anyway.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exec } from "../../cli/lab/exec.ts";
import { runGate } from "./gate.ts";
import { type Mutant, readMutants } from "./patch.ts";
import { formatList, formatOutcomes, outcomesJson } from "./report.ts";
import { sampleOf } from "./sample.ts";

const { values } = parseArgs({
  options: {
    sample: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    baseline: { type: "boolean", default: false },
    lanes: { type: "string", default: "2" },
  },
});

const here = import.meta.dirname ?? ".";
const root = join(here, "..", "..");
const encoder = new TextEncoder();
const print = (text: string) => Deno.stdout.writeSync(encoder.encode(`${text}\n`));
const log = (text: string) => Deno.stderr.writeSync(encoder.encode(`${text}\n`));

function number(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`not a number of anything: ${text}`);
  return Number(text);
}

async function chosen(all: readonly Mutant[]): Promise<Mutant[]> {
  const { only, sample } = values;
  const named = all.filter(({ name }) =>
    only.length === 0 || only.some((word) => name === word || name.includes(word))
  );
  if (sample === undefined) return named;
  const commits = Number(await exec(["git", "-C", root, "rev-list", "--count", "HEAD"]));
  const names = sampleOf(named.map(({ name }) => name), number(sample), commits);
  return named.filter(({ name }) => names.includes(name));
}

async function main(): Promise<number> {
  const mutants = await chosen(await readMutants(here));
  if (values.list) {
    print(formatList(mutants));
    return 0;
  }
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => interrupt.abort(new Error("interrupted")));
  }
  const outcomes = await runGate(mutants, {
    root,
    lanes: number(values.lanes),
    baseline: values.baseline || values.only.length === 0 && values.sample === undefined,
    signal: interrupt.signal,
    log,
  });
  print(values.json ? outcomesJson(outcomes) : formatOutcomes(outcomes));
  return outcomes.length > 0 && outcomes.every(({ verdict }) => verdict === "caught") ? 0 : 1;
}

try {
  Deno.exit(await main());
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  Deno.exit(1);
}
