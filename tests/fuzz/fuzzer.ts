// SPDX-License-Identifier: GPL-2.0-only
//
// libFuzzer over the checks in C and the loader on top of them.
import { join } from "node:path";
import { corpus } from "./images/corpus.ts";
import { compileFuzzer } from "./native.ts";

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Where inputs are kept that reached something new, and found again by the next run. */
  readonly corpus?: string | undefined;
  /** Where an input goes that broke something. */
  readonly findings: string;
}

export interface FuzzResult {
  readonly runs: number;
  /** Inputs that gave a table, and those of them whose journal had something to replay. */
  readonly tables: number;
  readonly replayed: number;
}

/** Images of more would only take longer. */
const MOST_BYTES = 131072;

/** @throws with the fuzzer's report if something broke */
export async function runFuzzer(options: FuzzOptions): Promise<FuzzResult> {
  const dir = await Deno.makeTempDir({ prefix: "dmremap-fuzz-" });
  try {
    await compileFuzzer(`${dir}/fuzz`);
    const seeds = join(dir, "seeds");
    await Deno.mkdir(seeds);
    for (const [index, image] of corpus(60, options.seed).entries()) {
      await Deno.writeFile(`${seeds}/${index}`, image);
    }
    const flags = {
      runs: options.runs,
      // 0 would be the clock.
      seed: options.seed || 1,
      max_len: MOST_BYTES,
      timeout: 10,
      rss_limit_mb: 1024,
      print_final_stats: 0,
      artifact_prefix: `${options.findings}/`,
    };
    const { success, stderr } = await new Deno.Command(`${dir}/fuzz`, {
      args: [
        ...Object.entries(flags).map(([name, value]) => `-${name}=${value}`),
        ...(options.corpus === undefined ? [] : [options.corpus]),
        seeds,
      ],
      stdin: "null",
    }).output();
    const report = new TextDecoder().decode(stderr);
    if (!success) throw new Error(report.split("\n").slice(-60).join("\n"));
    return resultOf(report);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function resultOf(report: string): FuzzResult {
  const [, runs, tables, replayed] =
    /^fuzz: runs=(\d+) tables=(\d+) replayed=(\d+)/m.exec(report) ?? [];
  if (runs === undefined) throw new Error(`the fuzzer told nothing:\n${report}`);
  return { runs: Number(runs), tables: Number(tables), replayed: Number(replayed) };
}

/** What the fuzzer says of one input that it has found. */
export async function replayFinding(path: string): Promise<boolean> {
  const dir = await Deno.makeTempDir({ prefix: "dmremap-fuzz-" });
  try {
    await compileFuzzer(`${dir}/fuzz`);
    const { success } = await new Deno.Command(`${dir}/fuzz`, {
      args: [path],
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return success;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
