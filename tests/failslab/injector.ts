// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: lets allocations fail that are made on behalf of the module; tests/failslab/module.
const DIR = "/sys/kernel/debug/alloc_nth";
/** Below it a request is in the hands of the driver underneath. */
const BELOW = "submit_bio_noacct";

/** The Nth of a place fails; or it and all that the place asks for from then on. */
export type Mode = "once" | "site";

/** Where in the module an allocation comes from: behind the call, in a section of the file. */
export interface SiteRecord {
  readonly type: "site";
  readonly section: string;
  readonly offset: number;
  readonly seen: number;
  readonly failed: number;
}

export function isSiteRecord(value: unknown): value is SiteRecord {
  return typeof value === "object" && value !== null && "type" in value && value.type === "site";
}

function control(words: string): void {
  Deno.writeTextFileSync(`${DIR}/control`, words);
}

/** Address and size of a function of the kernel. */
function rangeOf(name: string): readonly [start: bigint, bytes: bigint] {
  const symbols = Deno.readTextFileSync("/proc/kallsyms").split("\n").flatMap((line) => {
    const [address = "", , symbol = "", module] = line.split(/\s/);
    return module === undefined && symbol !== "" ? [[BigInt(`0x${address}`), symbol] as const] : [];
  }).sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  const start = symbols.find(([, symbol]) => symbol === name)?.[0];
  const next = symbols.find(([address]) => start !== undefined && address > start)?.[0];
  if (start === undefined || next === undefined) throw new Error(`the kernel has no ${name}`);
  return [start, next - start];
}

function moduleRange(module: string): readonly [start: bigint, bytes: bigint] {
  const line = Deno.readTextFileSync("/proc/modules").split("\n")
    .find((each) => each.startsWith(`${module} `));
  const [, bytes = "", , , , start = ""] = line?.split(" ") ?? [];
  if (start === "") throw new Error(`${module} is not loaded`);
  return [BigInt(start), BigInt(bytes)];
}

/** The module is loaded already. */
export function watch(module: string): void {
  const say = (word: string, [start, bytes]: readonly [bigint, bigint]) =>
    control(`${word} ${start.toString(16)} ${bytes}`);
  say("range", moduleRange(module));
  say("below", rangeOf(BELOW));
}

/** @param place from {@linkcode order}; none: all are counted, none fails */
export function arm(nth: number, mode: Mode, place = "0"): void {
  control(`arm ${nth} ${mode} ${place}`);
}

export function disarm(): void {
  control("disarm");
}

/** How many have failed since it was armed. */
export function fired(): number {
  const [, count] = /fired=(\d+)/.exec(Deno.readTextFileSync(`${DIR}/state`)) ?? [];
  if (count === undefined) throw new Error("the module does not say how many have failed");
  return Number(count);
}

/** The places of the allocations since it was armed, one after the other. */
export function order(): string[] {
  return Deno.readTextFileSync(`${DIR}/order`).split("\n").filter((line) => line !== "");
}

/** Every place that has asked for memory, and how often it got none. */
export function sites(module: string): SiteRecord[] {
  const folder = `/sys/module/${module}/sections`;
  const sections = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.startsWith(".text") || name.startsWith(".init.text"))
    .map((name) => [BigInt(Deno.readTextFileSync(`${folder}/${name}`).trim()), name] as const)
    .sort(([a], [b]) => a < b ? 1 : -1);
  return Deno.readTextFileSync(`${DIR}/sites`).trim().split("\n").map((line) => {
    const [address = "0", seen, failed] = line.split(" ");
    const at = BigInt(`0x${address}`);
    const [start, section] = sections.find(([first]) => first <= at) ?? [0n, "nowhere"];
    const offset = Number(at - start);
    return { type: "site", section, offset, seen: Number(seen), failed: Number(failed) };
  });
}
