// SPDX-License-Identifier: GPL-2.0-only
// Table lines that the constructor has to refuse, each with a reason that names the argument.
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { checkEqual, checkFails, checkMatch } from "../check.ts";
import { makeMapped } from "../mapped.ts";
import { type RemapParts, remapTarget } from "../rig.ts";
import { type Bench, type FunctionalCase, MAIN_SECTORS, SPARE_SECTORS } from "./bench.ts";

interface Refusal {
  readonly name: string;
  /** The kernel's words have to say this. */
  readonly reason: RegExp;
  readonly code?: string;
  readonly parts?: Partial<RemapParts>;
  readonly length?: number;
  /** Instead of parts: what follows the target's name, with M and S for the disks. */
  readonly params?: string;
}

const REFUSALS: readonly Refusal[] = [
  { name: "no arguments", params: "", reason: /main_dev.*required/ },
  { name: "too few arguments", params: "M 0 S 0", reason: /spare_len.*required/ },
  { name: "no room for metadata", params: "M 0 S 0 64", reason: /spare_len.*metadata/ },
  { name: "main_start not a number", params: "M x S 0 1024 1 volatile", reason: /main_start/ },
  { name: "main_start negative", params: "M -8 S 0 1024 1 volatile", reason: /main_start/ },
  { name: "spare_start not a number", params: "M 0 S 0x10 1024 1 volatile", reason: /spare_start/ },
  { name: "spare_len not a number", params: "M 0 S 0 1k 1 volatile", reason: /spare_len/ },
  { name: "spare_len zero", parts: { spareLength: 0 }, reason: /spare_len/ },
  {
    name: "spare_len beyond every device",
    params: "M 0 S 0 18446744073709551615 1 volatile",
    reason: /spare_len/,
  },
  { name: "main too small", length: MAIN_SECTORS + 8, reason: /main/ },
  { name: "main too small from main_start on", parts: { mainStart: 8 }, reason: /main/ },
  { name: "spare too small", parts: { spareLength: SPARE_SECTORS + 8 }, reason: /spare/ },
  {
    name: "spare too small from spare_start on",
    parts: { spareStart: SPARE_SECTORS - 8, spareLength: 16 },
    reason: /spare/,
  },
  { name: "main and spare overlap", params: "M 0 M 8191 1 1 volatile", reason: /overlap/ },
  {
    name: "fewer features than announced",
    params: "M 0 S 0 1024 2 volatile",
    reason: /#args|args/,
  },
  {
    name: "more features than announced",
    params: "M 0 S 0 1024 1 volatile proactive",
    reason: /#args|args/,
  },
  { name: "unknown feature", parts: { features: ["volatile", "magic"] }, reason: /magic/ },
  { name: "a feature twice", parts: { features: ["volatile", "volatile"] }, reason: /volatile/ },
  {
    name: "max_remaps without a value",
    parts: { features: ["volatile", "max_remaps"] },
    reason: /max_remaps/,
  },
  {
    name: "max_remaps not a number",
    parts: { features: ["volatile", "max_remaps", "many"] },
    reason: /max_remaps/,
  },
  {
    name: "retries not a number",
    parts: { features: ["volatile", "retries", "-1"] },
    reason: /retries/,
  },
  {
    name: "retries too many",
    parts: { features: ["volatile", "retries", "101"] },
    reason: /retries/,
  },
  {
    name: "retry_delay_ms too long",
    parts: { features: ["volatile", "retry_delay_ms", "10001"] },
    reason: /retry_delay_ms/,
  },
  {
    name: "pending_policy unknown",
    parts: { features: ["volatile", "pending_policy", "ask"] },
    reason: /pending_policy/,
  },
  {
    name: "scan_interval_s negative",
    parts: { features: ["volatile", "scan_interval_s", "-1"] },
    reason: /scan_interval_s/,
  },
];

async function refused(bench: Bench, refusal: Refusal): Promise<void> {
  const { main, spare } = bench.disks;
  const parts = { main: main.path, spare: spare.path, spareLength: SPARE_SECTORS };
  const table = remapTarget({ ...parts, ...refusal.parts }, refusal.length ?? MAIN_SECTORS);
  const words = refusal.params?.replaceAll("M", main.path).replaceAll("S", spare.path);
  const params = words ?? table.params;
  // The errno comes from the ioctl, the reason from the log: the error itself may quote less of it.
  using log = KernelLogMark.atEnd();
  await checkFails(`a table with ${params}`, refusal.code ?? "EINVAL", () => {
    return makeMapped(bench.scope, bench.dm, "refused", [{ ...table, params }]);
  });
  checkMatch("the reason in the kernel log", log?.read().join("\n") ?? "", refusal.reason);
}

async function missingDevice(bench: Bench): Promise<void> {
  const { main } = bench.disks;
  const parts = { main: main.path, spare: "/dev/no-such-device", spareLength: 8 };
  const table = remapTarget(parts, MAIN_SECTORS);
  let message = "success";
  await makeMapped(bench.scope, bench.dm, "refused", [table]).catch((error: Error) => {
    message = error.message;
  });
  checkMatch("the reason that the kernel gives", message, /spare/);
}

async function spareWithLargerBlocks(bench: Bench): Promise<void> {
  const disks = await bench.ownDisks({ spareBlock: 4096 });
  const parts = { main: disks.main.path, spare: disks.spare.path, spareLength: SPARE_SECTORS };
  const error = await checkFails("a spare with larger logical blocks", "EINVAL", () => {
    return makeMapped(bench.scope, bench.dm, "refused", [remapTarget(parts, MAIN_SECTORS)]);
  });
  checkMatch("the reason that the kernel gives", error.message, /spare.*block/);
}

async function spareOfAnother(bench: Bench): Promise<void> {
  const rig = await bench.rig({ length: 1024, spareLength: 1024, fill: false });
  const { main, spare } = bench.disks;
  const table = remapTarget(
    { main: main.path, mainStart: 1024, spare: spare.path, spareStart: 1023, spareLength: 8 },
    1024,
  );
  const error = await checkFails("a spare range of another device", "EBUSY", () => {
    return makeMapped(bench.scope, bench.dm, "refused", [table]);
  });
  checkMatch("the reason that the kernel gives", error.message, /spare/);
  checkEqual("the first device afterwards", await rig.send("ping"), "pong");
}

export const REFUSAL_CASES: readonly FunctionalCase[] = [
  ...REFUSALS.map((refusal) => ({
    name: `refused: ${refusal.name}`,
    run: (bench: Bench) => refused(bench, refusal),
  })),
  { name: "refused: a spare that is not there", run: missingDevice },
  { name: "refused: a spare with larger logical blocks", run: spareWithLargerBlocks },
  { name: "refused: a spare range that another device has", run: spareOfAnother },
];
