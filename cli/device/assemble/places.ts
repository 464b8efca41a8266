// SPDX-License-Identifier: GPL-2.0-only
// Spares that do not begin where their device begins: nothing tells of them but a file.
import type { System } from "../system.ts";

/** A line each: a device and the first sector of the spare range. */
export const SPARES_FILE = "/etc/dmremap/spares";

export interface SparePlace {
  readonly path: string;
  readonly start: bigint;
}

/** The places in the file; lines that cannot be meant are given back as they are. */
export function readPlaces(
  system: System,
): { readonly places: readonly SparePlace[]; readonly wrong: readonly string[] } {
  const places: SparePlace[] = [];
  const wrong: string[] = [];
  for (const line of (system.read(SPARES_FILE) ?? "").split("\n")) {
    const text = line.replace(/(^|\s)#.*$/, "").trim();
    if (text === "") continue;
    const [, path, start] = /^(\/\S+)\s+(\d+)$/.exec(text) ?? [];
    if (path === undefined || start === undefined) wrong.push(text);
    else places.push({ path, start: BigInt(start) });
  }
  return { places, wrong };
}
