// SPDX-License-Identifier: GPL-2.0-only
//
// The program inside the guest: random sequences on every kind of device, or one sequence again.
import { parseArgs } from "node:util";
import { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { GuestDevice } from "./guest_device.ts";
import { formatSequence, parseSequence } from "./operations.ts";
import { run } from "./process.ts";
import { progress, result } from "./records.ts";
import { runSequence } from "./runner.ts";
import { searchFailure } from "./search.ts";
import { Tally } from "./tally.ts";
import { type Variant, VARIANTS } from "./variants.ts";

const SEQUENCE_LENGTH = 120;
/** So many have to meet what a variant is there for. */
const ENOUGH_OPERATIONS = 600;
const PROGRESS_SECONDS = 15;

interface Plan {
  readonly variant: Variant;
  readonly seed: number;
  readonly operations: number;
}

const started = performance.now();
let total = 0;
let shown = started;

function showProgress(text: () => string): void {
  const now = performance.now();
  if (now - shown < PROGRESS_SECONDS * 1000) return;
  shown = now;
  progress(text());
}

/** Sequences on one kind of device until enough operations have run. */
async function runVariant(dm: DeviceMapper, { variant, seed, operations }: Plan): Promise<void> {
  await using device = await GuestDevice.create(dm, variant);
  const { name, geometry } = variant;
  const tally = new Tally();
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
        `shrunk in ${failure.tries} tries; to replay it, save these lines and run ` +
        `deno run -A tests/model/host.ts --replay FILE:\n${script}`,
    );
  }
  progress(`${name}: ${tally}`);
  const missing = ran < ENOUGH_OPERATIONS ? [] : tally.missing(geometry.rules);
  if (missing.length === 0) result(name);
  else result(name, `${ran} operations have met nothing of this: ${missing.join(", ")}`);
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
    operations: { type: "string", default: "15000" },
    seed: { type: "string", default: "1" },
    variant: { type: "string", multiple: true, default: [] },
    replay: { type: "string" },
  },
});

await run("modprobe", "-a", "dm-mod", "libcrc32c");
// How many relocations a minute may bring has limits in life, not here.
await run("insmod", Deno.env.get("DMREMAP_MODULE") ?? "dm-remap.ko", "max_remaps_per_minute=0");
await run("insmod", Deno.env.get("DMREMAP_BAD_SECTORS") ?? "lab_bad.ko");
{
  using dm = DeviceMapper.open();
  if (values.replay !== undefined) await replay(dm, values.replay);
  else {
    const variants = VARIANTS.filter(({ name }) =>
      values.variant.length === 0 || values.variant.includes(name)
    );
    const operations = Math.ceil(Number(values.operations) / variants.length);
    for (const [index, variant] of variants.entries()) {
      await runVariant(dm, { variant, seed: Number(values.seed) + index * 1_000_000, operations });
    }
  }
}
await run("rmmod", "lab_bad");
await run("rmmod", "dm_remap");
progress(`${total} operations in ${Math.round((performance.now() - started) / 1000)} s`);
