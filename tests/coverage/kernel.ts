// SPDX-License-Identifier: GPL-2.0-only
//
// Runs guests with the instrumented module, and keeps what it has counted.
import { digestOf } from "../../cli/kmod/cache.ts";
import { moduleSources } from "../../cli/kmod/sources.ts";
import { exists } from "../../cli/lab/exec.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, MODULE_BUILD_PACKAGES, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { FAULT_DISKS_VARIABLE } from "../../cli/selftest/stages/errors/here.ts";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { isCountersRecord, isProfileRecord } from "./counters.ts";
import { addCounts, countersIn, type Counts, readCounters } from "./gcov.ts";
import { buildInstrumented } from "./instrumented.ts";
import type { GuestRun, StageRun, SuiteRun } from "./runs.ts";
import { buildTestModule } from "../suite/guest/test_module.ts";

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const MEMORY_MIB = 1536;
const TIMEOUT_SECONDS = 1800;

/** Where one measurement keeps its module and its counters. Runs of other sources do not add up. */
export class KernelMeasurement {
  private constructor(private readonly dir: string) {}

  /** Goes on with what is there, if it was measured of the same sources; else begins anew. */
  static async open(dir: string): Promise<KernelMeasurement> {
    const digest = await digestOf(moduleSources().map(({ path, content }) => [path, content]));
    const note = `${dir}/sources`;
    if (await exists(note) && await Deno.readTextFile(note) === digest) {
      return new KernelMeasurement(dir);
    }
    await Deno.remove(dir, { recursive: true }).catch(() => {});
    await ensurePackages([...MODULE_BUILD_PACKAGES, ...STAGE_PACKAGES], log);
    log("building the instrumented module");
    await buildInstrumented(await ensureKernel("debug", log), `${dir}/build`);
    await Deno.writeTextFile(note, digest);
    return new KernelMeasurement(dir);
  }

  get module(): string {
    return `${this.dir}/build/dm-remap.ko`;
  }

  /** Where each run has left what it says of the tool. */
  get runs(): string[] {
    return [...Deno.readDirSync(`${this.dir}/runs`)].map(({ name }) => `${this.dir}/runs/${name}`);
  }

  get build(): string {
    return `${this.dir}/build`;
  }

  /** Takes in the counters of a run that somebody else has made. */
  async keep(name: string, records: readonly unknown[]): Promise<void> {
    const dir = this.#folder(name);
    await Deno.remove(dir, { recursive: true }).catch(() => {});
    await Deno.mkdir(dir, { recursive: true });
    for (const record of records.filter(isCountersRecord)) {
      const file = record.file.replace(/.*\//, "");
      await Deno.writeFile(`${dir}/${file}`, Uint8Array.fromBase64(record.base64));
    }
    for (const [index, { text }] of records.filter(isProfileRecord).entries()) {
      await Deno.writeTextFile(`${dir}/${index}.json`, text);
    }
  }

  /** A stage that takes longer is stopped; what it has reached until then counts. */
  seconds = TIMEOUT_SECONDS - 60;

  /** @returns what has failed */
  async run(run: GuestRun): Promise<string | undefined> {
    const failure = "suite" in run ? await this.#runSuite(run) : await this.#runStage(run);
    if (failure !== undefined || countersIn(this.#folder(run.name)).length > 0) return failure;
    return `${run.name}: no counters have come back`;
  }

  #folder(name: string): string {
    return `${this.dir}/runs/${name}`;
  }

  async #runSuite({ name, suite, args, disks }: SuiteRun): Promise<string | undefined> {
    const dir = await Deno.makeTempDir({ prefix: "dmremap-coverage-" });
    const records: unknown[] = [];
    try {
      const code = await runInGuest({
        program: new URL("suite_guest.ts", import.meta.url).pathname,
        args,
        kernel: "debug",
        module: this.module,
        disks,
        share: [dir],
        env: {
          COVERAGE_SUITE: suite,
          SWEEP_MODULE: await buildTestModule(
            await ensureKernel("debug", log),
            "sweep",
            "sweep_nth",
            `${dir}/sweep`,
          ),
        },
        timeoutSeconds: TIMEOUT_SECONDS,
        onRecord: (record) => records.push(record),
      });
      await this.keep(name, records);
      return code === 0 ? undefined : `${name}: see above`;
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }

  async #runStage({ name, command, disks }: StageRun): Promise<string | undefined> {
    log(`${name}: booting the debug kernel`);
    const deno = [Deno.execPath(), "run", "-A", "--no-check"];
    const [program, ...args] = command;
    const inner = [...deno, `${ROOT}/${program}`, ...args];
    const result = await runGuest({
      kernel: await ensureKernel("debug", log),
      module: this.module,
      memoryMiB: MEMORY_MIB,
      argv: [...deno, `${ROOT}/tests/coverage/guest.ts`, ...inner],
      share: [ROOT, this.build],
      disks,
      env: {
        [FAULT_DISKS_VARIABLE]: disks.length > 0 ? "1" : "0",
        COVERAGE_SECONDS: `${this.seconds}`,
      },
      timeoutSeconds: TIMEOUT_SECONDS,
      // That is what the suites are for; here it is about what they reach.
      kmemleak: false,
      log,
    });
    await this.keep(name, result.records);
    const failure = guestFailure(result);
    log(`${name}: ${failure ?? "passed"} in ${Math.round(result.seconds)} s`);
    return failure === undefined
      ? undefined
      : `${name}: ${failure}\n${result.stdout.split("\n").slice(-20).join("\n")}`;
  }

  /** By run: what has been counted until now. Who has sent nothing must not hide the others. */
  async counts(): Promise<Map<string, Counts>> {
    const counts = new Map<string, Counts>();
    const names = await Array.fromAsync(Deno.readDir(`${this.dir}/runs`), ({ name }) => name);
    for (const name of names.sort()) {
      const dir = this.#folder(name);
      if (countersIn(dir).length > 0) counts.set(name, await readCounters(this.build, dir));
    }
    return counts;
  }
}

export function total(runs: Iterable<Counts>): Counts {
  const sum: Counts = new Map();
  for (const counts of runs) addCounts(sum, counts);
  return sum;
}
