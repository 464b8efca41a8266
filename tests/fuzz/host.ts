// SPDX-License-Identifier: GPL-2.0-only
//
// Damaged and forged metadata, by the thousand, for the checks in C and for the tool.
//
//   deno run -A tests/fuzz/host.ts [--seed N] [--histories N] [--forgeries N] [--runs N]
//     [--corpus DIR] [--findings DIR]
//   deno run -A tests/fuzz/host.ts --replay FILE
import { parseArgs } from "node:util";
import { ensurePackages, MODULE_BUILD_PACKAGES } from "../../cli/lab/packages.ts";
import {
  damageCampaign,
  forgeryCampaign,
  loadByTool,
  rewriteCampaign,
  verdictOf,
} from "./campaign.ts";
import { replayFinding, runFuzzer } from "./fuzzer.ts";
import { FUZZER_PACKAGES, NativeLoader } from "./native.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    histories: { type: "string", default: "120" },
    forgeries: { type: "string", default: "3000" },
    runs: { type: "string", default: "120000" },
    corpus: { type: "string" },
    findings: { type: "string", default: "." },
    replay: { type: "string" },
  },
});

const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(`${text}\n`));
const seed = Number(values.seed);
let [passed, failed] = [0, 0];

function tell(counts: object): string {
  return Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(", ");
}

async function test(name: string, run: () => object | Promise<object>): Promise<void> {
  const started = performance.now();
  try {
    const counts = tell(await run());
    say(`${name}: ${counts} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    passed++;
  } catch (error) {
    const { message, cause } = error as Error;
    say(`${name}: ${message}\n${cause instanceof Error ? cause.message : ""}`);
    failed++;
  }
}

async function fuzz(): Promise<object> {
  const result = await runFuzzer({
    runs: Number(values.runs),
    seed,
    corpus: values.corpus,
    findings: values.findings,
  });
  // A fuzzer that never gets past the first check would find nothing, too.
  if (result.tables < result.runs / 200 || result.replayed < result.runs / 1000) {
    throw new Error(`only ${tell(result)}`);
  }
  return result;
}

await ensurePackages([...MODULE_BUILD_PACKAGES, ...FUZZER_PACKAGES], say);
using native = await NativeLoader.build();
const loaders = { byTool: loadByTool, native: native.load.bind(native) };
if (values.replay === undefined) {
  const histories = Number(values.histories);
  await test("damaged", () => damageCampaign({ histories, seed }, loaders));
  await test("forged", () => {
    return forgeryCampaign({ histories: Number(values.forgeries), seed }, loaders);
  });
  await test("rewritten", () => rewriteCampaign({ histories, seed }, loaders));
  await test("libFuzzer", fuzz);
  say(`${passed} passed, ${failed} failed`);
} else {
  const image = await Deno.readFile(values.replay);
  if (!await replayFinding(values.replay)) Deno.exit(1);
  say(JSON.stringify(verdictOf(image, loaders), null, 1));
}
Deno.exit(failed === 0 ? 0 : 1);
