// SPDX-License-Identifier: GPL-2.0-only
// The kernel's own leak detector, where it is built in.
const CONTROL = "/sys/kernel/debug/kmemleak";
/** An object has to be so old before it counts, and unchanged from one scan to the next. */
const AGE_MS = 5500;

export function hasKmemleak(): Promise<boolean> {
  return Deno.stat(CONTROL).then(() => true, () => false);
}

/** What nothing points to any more. */
export async function findLeaks(): Promise<string[]> {
  await Deno.writeTextFile(CONTROL, "scan", { create: false });
  await new Promise((resolve) => setTimeout(resolve, AGE_MS));
  await Deno.writeTextFile(CONTROL, "scan", { create: false });
  return splitLeaks(await Deno.readTextFile(CONTROL));
}

/** One text for each object. */
export function splitLeaks(report: string): string[] {
  return report.split(/^(?=unreferenced object)/m).filter((each) => each.startsWith("unref"));
}
