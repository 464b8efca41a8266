// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: random sequences on every kind of device, or one sequence again.
import { parseArgs } from "node:util";
import { loadModule } from "../../cli/kmod/load.ts";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { directedSequence } from "./directed.ts";
import { GuestDevice } from "./guest_device.ts";
import { formatSequence, parseSequence } from "./operations.ts";
import { run } from "../suite/guest/process.ts";
import { progress, result } from "../suite/guest/records.ts";
import { runSequence, StepFailed } from "./runner.ts";
import { searchFailure } from "./search.ts";
import { Tally } from "./tally.ts";
import { type Variant, VARIANTS } from "./variants.ts";

const SEQUENCE_LENGTH = 120;
/** So many, on all kinds of devices together, meet every trouble many times over. */
const ENOUGH_OPERATIONS = 5000;
const PROGRESS_SECONDS = 15;

interface Plan {
  readonly variant: Variant;
  readonly seed: number;
  readonly operations: number;
  /** What its random sequences meet. */
  readonly tally: Tally;
}

const HOW_TO_REPLAY =
  "to replay it, save these lines and run deno run -A tests/model/host.ts --replay FILE:";

const started = performance.now();
let total = 0;
let shown = started;

function showProgress(text: () => string): void {
  const now = performance.now();
  if (now - shown < PROGRESS_SECONDS * 1000) return;
  shown = now;
  progress(text());
}

/** What every run has to meet on this kind of device. @returns why it has failed */
async function runDirected(device: GuestDevice, plan: Plan): Promise<string | undefined> {
  const { variant: { name, geometry }, seed } = plan;
  const sequence = directedSequence(name, geometry, seed);
  const tally = new Tally();
  try {
    await runSequence(device, geometry, sequence, () => total++, tally);
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    return `${error.message}\n${HOW_TO_REPLAY}\n${formatSequence(sequence)}`;
  }
  const missing = tally.missing(geometry.rules);
  if (missing.length === 0) return undefined;
  return `these steps must lead to this, and have not: ${missing.join(", ")}\n` +
    formatSequence(sequence);
}

/** Sequences on one kind of device until enough operations have run. */
async function runVariant(dm: DeviceMapper, plan: Plan): Promise<void> {
  const { variant, seed, operations, tally } = plan;
  await using device = await GuestDevice.create(dm, variant);
  const { name, geometry } = variant;
  const directed = await runDirected(device, plan);
  if (directed !== undefined) return result(name, directed);
  let ran = 0;
  for (let sequence = 0; ran < operations; sequence++) {
    const failure = await searchFailure(device, {
      variant: name,
      geometry,
      seed: seed + sequence,
      length: Math.min(SEQUENCE_LENGTH, operations - ran),
      tally,
      onStep: () => {
        ran++;
        total++;
        showProgress(() => `${name}: ${ran}/${operations} operations`);
      },
      onShrink: (tries, length) => progress(`${name}: shrinking, try ${tries}, ${length} steps`),
    });
    if (failure === undefined) continue;
    const script = formatSequence(failure.sequence);
    return result(
      name,
      `${failure.error}\nfound after ${failure.foundAfter} steps of seed ${seed + sequence}, ` +
        `shrunk in ${failure.tries} tries\n${HOW_TO_REPLAY}\n${script}`,
    );
  }
  progress(`${name}: ${tally}`);
  result(name);
}

async function replay(dm: DeviceMapper, text: string): Promise<void> {
  const sequence = parseSequence(text);
  const variant = VARIANTS.find(({ name }) => name === sequence.variant);
  if (variant === undefined) throw new Error(`no such variant: ${sequence.variant}`);
  await using device = await GuestDevice.create(dm, variant);
  try {
    await runSequence(device, variant.geometry, sequence, () => total++);
    result(`replay on ${variant.name}`);
  } catch (error) {
    result(`replay on ${variant.name}`, error instanceof Error ? error.message : String(error));
  }
}

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "13000" },
    seed: { type: "string", default: "1" },
    variant: { type: "string", multiple: true, default: [] },
    replay: { type: "string" },
  },
});

// How many relocations a minute may bring has limits in life, not here.
await loadModule({ parameters: ["max_remaps_per_minute=0"] });
await run("insmod", Deno.env.get("DMREMAP_BAD_SECTORS") ?? "lab_bad.ko");
{
  using dm = DeviceMapper.open();
  if (values.replay !== undefined) await replay(dm, values.replay);
  else {
    const variants = VARIANTS.filter(({ name }) =>
      values.variant.length === 0 || values.variant.includes(name)
    );
    const operations = Math.ceil(Number(values.operations) / variants.length);
    const met = new Tally();
    for (const [index, variant] of variants.entries()) {
      const tally = new Tally();
      const seed = Number(values.seed) + index * 1_000_000;
      await runVariant(dm, { variant, seed, operations, tally });
      met.addAll(tally);
    }
    const missing = total < ENOUGH_OPERATIONS ? [] : met.missing({ faults: [] });
    if (missing.length > 0) {
      result("what random steps meet", `nothing of this: ${missing.join(", ")}`);
    }
  }
}
await run("rmmod", "lab_bad");
await run("rmmod", "dm_remap");
progress(`${total} operations in ${Math.round((performance.now() - started) / 1000)} s`);
