// SPDX-License-Identifier: GPL-2.0-only
/**
 * Tests of the single file: `deno run -A tests/pack/run.ts [FILE]`. Without FILE it is packed
 * first. Needs root, and mmdebstrap once, for a machine image without Deno.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pack } from "../../cli/pack/pack.ts";
import { Checks, outcome } from "./checks.ts";
import { checkDamage } from "./damage.ts";
import { ensureImage } from "./image.ts";
import { checkLauncher } from "./launcher.ts";
import { checkProduct } from "./product.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");
Deno.chdir(root);

const print = (line: string): void => {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
};

/** The middle of a few starts, the first ones not counted. */
async function startTime(command: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 13; i++) {
    const begin = performance.now();
    assert.equal((await outcome(command)).code, 0);
    if (i >= 2) times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b)[times.length >> 1] ?? NaN;
}

async function printStartTimes(file: string): Promise<void> {
  const packed = await startTime([file, "--version"]);
  const unpacked = await startTime([Deno.execPath(), "run", "-A", "cli/main.ts", "--version"]);
  const ratio = (packed / unpacked).toFixed(2);
  print(
    `start (--version): packed ${packed.toFixed(0)} ms, unpacked ${unpacked.toFixed(0)} ms, ` +
      `ratio ${ratio}`,
  );
}

const folder = await Deno.makeTempDir({ prefix: "dmremap-pack-test-" });
const checks = new Checks(print);
try {
  const given = Deno.args[0];
  const file = given ?? join(folder, "dmremap-ts");
  if (given === undefined) await pack({ root, output: file });
  const probe = join(await Deno.realPath(folder), "probe");
  await pack({ root, output: probe, entry: "tests/pack/probe.ts" });

  await checks.check("packing the same tree again gives the same bytes, but for V8's", async () => {
    const [once, again] = [join(folder, "once"), join(folder, "again")];
    for (const output of [once, again]) {
      await pack({ root, output, entry: "tests/pack/probe.ts", codeCache: false });
    }
    assert.equal((await outcome(["cmp", once, again])).code, 0);
    for (const output of [once, again]) await Deno.remove(output);
  });
  await checkProduct(checks, await ensureImage(print), file);
  await checkLauncher(checks, probe);
  await printStartTimes(file);
  await checkDamage(checks, probe);
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(checks.finish() ? 0 : 1);
