// SPDX-License-Identifier: GPL-2.0-only
//
// Memory runs out: each allocation of the module fails, during each operation.
//
//   deno run -A tests/failslab/host.ts [--operation NAME]... [--all] [--data FOLDER]
//
// On the debug kernel. Of each place that asks for memory the first and the last time fails; with
// --all every time. With --operation only that is tried, and which allocations have failed is
// shown, not judged. --data: the folder of `deno task coverage`, which takes the counters in.
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { moduleSources } from "../../cli/kmod/sources.ts";
import { formatColumns } from "../../cli/output/table.ts";
import { isCountersRecord } from "../coverage/counters.ts";
import { KernelMeasurement, total } from "../coverage/kernel.ts";
import { buildTestModule } from "../coverage/test_module.ts";
import { log, runInGuest } from "../model/in_guest.ts";
import { isSiteRecord, type SiteRecord } from "./injector.ts";
import { ALLOCATIONS } from "./sites.ts";
import { type FailedAt, judgeAll, type Verdict } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    operation: { type: "string", multiple: true, default: [] },
    all: { type: "boolean", default: false },
    data: { type: "string" },
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

async function judge(measurement: KernelMeasurement, records: unknown[]): Promise<number> {
  await measurement.keep(RUN, records);
  const counts = (await measurement.counts()).get(RUN);
  const sites = records.filter(isSiteRecord).filter(({ failed }) => failed > 0);
  const failed = (await Promise.all(sites.map((site) => linesOf(measurement.module, site)))).flat();
  const sources = new Map(
    moduleSources().filter(({ path }) => path.endsWith(".c"))
      .map(({ path, content }) => [path, decoder.decode(content)]),
  );
  const verdicts = judgeAll(
    sources,
    ALLOCATIONS,
    failed,
    total(counts === undefined ? [] : [counts]),
  );
  say(verdicts);
  const missed = verdicts.filter(({ ok }) => !ok);
  log(`${verdicts.length - missed.length} allocations seen to, ${missed.length} not`);
  return values.operation.length > 0 ? 0 : missed.length;
}

const dir = await Deno.makeTempDir({ prefix: "dmremap-failslab-" });
let code: number;
try {
  const measurement = await KernelMeasurement.open(`${values.data ?? dir}/kernel`);
  const records: unknown[] = [];
  code = await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: [
      ...values.operation.flatMap((name) => ["--operation", name]),
      ...(values.all ? ["--all"] : []),
    ],
    kernel: "debug",
    module: measurement.module,
    share: [dir],
    env: {
      SWEEP_MODULE: await buildTestModule("sweep", "sweep_nth", `${dir}/sweep`),
      ALLOC_MODULE: await buildTestModule("failslab", "alloc_nth", `${dir}/alloc`),
    },
    timeoutSeconds: Number(values.timeout),
    onRecord: (record) => records.push(record),
  });
  // A guest that has died tells nothing.
  if (records.some(isCountersRecord) && await judge(measurement, records) > 0) code = 1;
} finally {
  await Deno.remove(dir, { recursive: true });
}
Deno.exit(code);
