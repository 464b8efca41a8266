// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno run -A tests/bench/meta.ts [--entries N] [--runs N] [--json]`: `meta check` of a table beside
 * `thin_check` of a pool with as many mappings, in turns: processor time, time, and memory of both.
 * Takes dist/dmremap-ts.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensurePackages } from "../../cli/lab/packages.ts";
import { formatColumns } from "../../cli/output/table.ts";
import { type CheckFigures, compareChecks, parseTime, type Usage } from "./meta_figures.ts";
import { writePool, writeSpare } from "./meta_images.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");
const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
const log = (line: string) => void Deno.stderr.writeSync(encoder.encode(`${line}\n`));

/** Something could not be measured. */
class BenchError extends Error {
  override readonly name = "BenchError";
}

/** Runs a program under time(1). */
function measure(program: readonly string[], folder: string): Usage {
  const output = join(folder, "time");
  const { code, stdout, stderr } = new Deno.Command("/usr/bin/time", {
    args: ["-f", "%e %U %S %M", "-o", output, ...program],
    stdin: "null",
  }).outputSync();
  if (code !== 0) {
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    throw new BenchError(`${program.join(" ")}: exit ${code}\n${said}`);
  }
  return parseTime(Deno.readTextFileSync(output));
}

async function run(entries: number, runs: number): Promise<CheckFigures> {
  await ensurePackages(["thin-provisioning-tools", "time"], log);
  const folder = await Deno.makeTempDir({ prefix: "dmremap-bench-" });
  try {
    log(`writing ${entries} entries and as many mappings`);
    const spare = join(folder, "spare");
    writeSpare(spare, entries);
    const pool = await writePool(folder, entries);
    const checks = {
      meta_check: [join(root, "dist", "dmremap-ts"), "meta", "check", spare],
      thin_check: ["thin_check", "-q", pool],
    };
    const usages = { meta_check: [] as Usage[], thin_check: [] as Usage[] };
    // In turns, so that whatever else the machine does meets both; the first round warms up.
    for (let round = 0; round <= runs; round++) {
      for (const name of ["meta_check", "thin_check"] as const) {
        const usage = measure(checks[name], folder);
        if (round > 0) usages[name].push(usage);
      }
    }
    return compareChecks(entries, usages);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function table(figures: CheckFigures): string {
  const columns = [
    { heading: `CHECK OF ${figures.entries.toLocaleString("en")} (median of ${figures.runs})` },
    { heading: "CPU S", numeric: true },
    { heading: "WALL S", numeric: true },
    { heading: "MAX RSS MIB", numeric: true },
    { heading: "VERDICT" },
  ];
  const row = (name: string, { cpu_s, wall_s, max_rss_kib }: Usage, verdict: string) => [
    name,
    cpu_s.toFixed(2),
    wall_s.toFixed(2),
    (max_rss_kib / 1024).toFixed(1),
    verdict,
  ];
  return formatColumns(columns, [
    row("dmremap-ts meta check", figures.meta_check, figures.within_budget ? "ok" : "OVER"),
    row("thin_check", figures.thin_check, ""),
  ]);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      entries: { type: "string", default: "1000000" },
      runs: { type: "string", default: "11" },
      json: { type: "boolean", default: false },
    },
  });
  const figures = await run(Number(values.entries), Number(values.runs));
  say(
    values.json
      ? `${JSON.stringify({ schema_version: 1, ...figures }, undefined, 2)}\n`
      : `${table(figures)}\n`,
  );
  return 0;
}

try {
  Deno.exit(await main());
} catch (error) {
  log(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  Deno.exit(1);
}
