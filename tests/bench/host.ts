// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno task bench`: what the target costs, in instructions and bytes, and what the packed file
 * costs at its start. docs/performance.md explains clock, method and rows.
 */
import { join } from "node:path";
import { guestFailure, type GuestOptions, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, MODULE_BUILD_PACKAGES, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { buildModule } from "../../cli/kmod/build.ts";
import { bundle } from "../../cli/pack/build.ts";
import { type Measurement, parseMeasurement } from "./measurements.ts";
import { type BenchOptions, parseOptions, USAGE, UsageError } from "./options.ts";
import { makeReport, type Report } from "./report.ts";
import { countOver, formatReport } from "./report_text.ts";
import { measureStarts } from "./start.ts";
import { writeTables } from "./tables.ts";

const SCHEMA_VERSION = 1;
const TIMEOUT_SECONDS = 900;
const root = join(import.meta.dirname ?? ".", "..", "..");

const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
const log = (line: string) => {
  Deno.stderr.writeSync(encoder.encode(`${line}\n`));
};

/** Something could not be measured. */
class BenchError extends Error {
  override readonly name = "BenchError";
}

interface GuestFigures {
  readonly kernel: string;
  readonly measurements: readonly Measurement[];
}

/** Boots the guest in the counting clock and takes in what it measures. */
async function measureInGuest(options: BenchOptions): Promise<GuestFigures | undefined> {
  const parts = options.parts.filter((part) => part !== "start");
  if (parts.length === 0) return undefined;
  await ensurePackages([...STAGE_PACKAGES, ...MODULE_BUILD_PACKAGES], log);
  const kernel = await ensureKernel(options.kernel, log);
  const module = options.module ??
    (await buildModule({ kdir: kernel.kdir, release: kernel.release, onStep: log })).path;
  const folder = await Deno.makeTempDir({ prefix: "dmremap-bench-" });
  try {
    const script = join(folder, "guest.js");
    await Deno.writeTextFile(
      script,
      await bundle(root, "tests/bench/guest/main.ts", "esm", folder),
    );
    if (parts.includes("metadata")) {
      log("writing tables");
      writeTables(folder);
    }
    const guest: GuestOptions = {
      kernel,
      module: await Deno.realPath(module),
      argv: [Deno.execPath(), "run", "-A", script, ...parts],
      share: [folder],
      env: { DMREMAP_TABLES: folder },
      icount: true,
      timeoutSeconds: TIMEOUT_SECONDS,
      onRecord: (record) => log(`  ${JSON.stringify(record)}`),
      log,
    };
    log(`measuring in a guest with ${kernel.release}: ${parts.join(", ")}`);
    const result = await runGuest(guest);
    const failure = guestFailure(result);
    if (failure !== undefined) throw new BenchError(`${failure}\n${result.stdout}`);
    return { kernel: kernel.release, measurements: result.records.map(parseMeasurement) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function run(options: BenchOptions): Promise<Report> {
  const figures = await measureInGuest(options);
  const starts = options.parts.includes("start") ? await measureStarts(root, log) : undefined;
  return makeReport(figures?.measurements ?? [], starts, figures?.kernel);
}

async function main(): Promise<number> {
  const options = parseOptions(Deno.args);
  if (options.help) {
    say(USAGE);
    return 0;
  }
  const report = await run(options);
  const json = `${JSON.stringify({ schema_version: SCHEMA_VERSION, ...report }, undefined, 2)}\n`;
  if (options.jsonFile !== undefined) await Deno.writeTextFile(options.jsonFile, json);
  say(options.json ? json : formatReport(report));
  const over = countOver(report);
  if (over > 0) log(`${over} over budget`);
  return 0;
}

try {
  Deno.exit(await main());
} catch (error) {
  if (error instanceof UsageError) {
    log(`${error.message}\n${USAGE}`);
    Deno.exit(2);
  }
  log(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  Deno.exit(1);
}
