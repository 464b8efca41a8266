// SPDX-License-Identifier: GPL-2.0-only
//
// Memory runs out: each allocation of the module fails, during each operation.
//
//   deno run -A tests/failslab/host.ts [--operation NAME]... [--all] [--data FOLDER]
//     [--kernel debug|6.1|6.12]
//
// Of each place that asks for memory the first and the last time fails, in two of the operations
// that come there, and in a few of them always; with --all every time. With --operation only that is
// tried, and which allocations have failed is shown, not judged. --data: the folder of `deno task
// coverage`, which takes the counters in. Of other kernels than the debug kernel it is not known
// what was executed: no allocation is judged.
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { moduleSources } from "../../cli/kmod/sources.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { formatColumns } from "../../cli/output/table.ts";
import { isCountersRecord } from "../coverage/counters.ts";
import { buildInstrumented } from "../coverage/instrumented.ts";
import { KernelMeasurement } from "../coverage/kernel.ts";
import { buildTestModule } from "../suite/guest/test_module.ts";
import { log, runInGuest } from "../suite/guest/in_guest.ts";
import { isSiteRecord, type SiteRecord } from "./injector.ts";
import { ALLOCATIONS } from "./sites.ts";
import { type FailedAt, judgeAll, type Verdict } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    operation: { type: "string", multiple: true, default: [] },
    all: { type: "boolean", default: false },
    data: { type: "string" },
    kernel: { type: "string", default: "debug" },
    timeout: { type: "string", default: "900" },
  },
});

const RUN = "failslab";
const decoder = new TextDecoder();

/** The lines of an address, the innermost first: what is inlined is told as well. */
async function linesOf(module: string, { section, offset }: SiteRecord): Promise<FailedAt[]> {
  // What is on the stack is where the call returns to.
  const address = `0x${(offset - 1).toString(16)}`;
  const args = ["-e", module, "-j", section, "-i", address];
  const { stdout } = await new Deno.Command("addr2line", { args }).output();
  return [...decoder.decode(stdout).matchAll(/^(\S+):(\d+)/gm)].map(([, path, line]) => ({
    file: basename(path ?? ""),
    line: Number(line),
  }));
}

function say(verdicts: readonly Verdict[]): void {
  const table = formatColumns(
    [{ heading: "ALLOCATION" }, { heading: "CALL" }, { heading: "FAILURE" }],
    verdicts.map(({ file, line, call, says }) => [`${file}:${line}`, call.trim(), says]),
  );
  Deno.stdout.writeSync(new TextEncoder().encode(`${table}\n`));
}

/** The lines of the module that were told that there is no memory. */
async function failedLines(module: string, records: readonly unknown[]): Promise<FailedAt[]> {
  const sites = records.filter(isSiteRecord).filter(({ failed }) => failed > 0);
  return (await Promise.all(sites.map((site) => linesOf(module, site)))).flat();
}

/** @returns how many allocations were not seen to */
async function judge(measurement: KernelMeasurement, records: unknown[]): Promise<number> {
  await measurement.keep(RUN, records);
  const counts = (await measurement.counts()).get(RUN) ?? new Map();
  const failed = await failedLines(measurement.module, records);
  const sources = new Map(
    moduleSources().filter(({ path }) => path.endsWith(".c"))
      .map(({ path, content }) => [path, decoder.decode(content)]),
  );
  const verdicts = judgeAll(sources, ALLOCATIONS, failed, counts);
  say(verdicts);
  const missed = verdicts.filter(({ ok }) => !ok);
  log(`${verdicts.length - missed.length} allocations seen to, ${missed.length} not`);
  return values.operation.length > 0 ? 0 : missed.length;
}

async function tryAll(dir: string): Promise<number> {
  const kernel = await ensureKernel(values.kernel, log);
  const measurement = values.kernel === "debug"
    ? await KernelMeasurement.open(`${values.data ?? dir}/kernel`)
    : undefined;
  const module = measurement?.module ?? await buildInstrumented(kernel, `${dir}/build`);
  const records: unknown[] = [];
  const code = await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: [
      ...values.operation.flatMap((name) => ["--operation", name]),
      ...(values.all ? ["--all"] : []),
    ],
    kernel: values.kernel,
    module,
    share: [dir],
    env: {
      SWEEP_MODULE: await buildTestModule(kernel, "sweep", "sweep_nth", `${dir}/sweep`),
      ALLOC_MODULE: await buildTestModule(kernel, "failslab", "alloc_nth", `${dir}/alloc`),
    },
    timeoutSeconds: Number(values.timeout),
    onRecord: (record) => records.push(record),
  });
  if (measurement === undefined) {
    for (const { file, line } of await failedLines(module, records)) log(`${file}:${line}`);
    return code;
  }
  // A guest that has died tells nothing.
  if (!records.some(isCountersRecord)) return 1;
  return await judge(measurement, records) > 0 ? 1 : code;
}

const dir = await Deno.makeTempDir({ prefix: "dmremap-failslab-" });
let code: number;
try {
  code = await tryAll(dir);
} finally {
  await Deno.remove(dir, { recursive: true });
}
Deno.exit(code);
