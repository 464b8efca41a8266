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
    const text = withoutComment(line);
    if (text === "") continue;
    const place = placeOf(line);
    if (place === undefined) wrong.push(text);
    else places.push(place);
  }
  return { places, wrong };
}

function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, "").trim();
}

function placeOf(line: string): SparePlace | undefined {
  const [, path, start] = /^(\/\S+)\s+(\d+)$/.exec(withoutComment(line)) ?? [];
  return path === undefined || start === undefined ? undefined : { path, start: BigInt(start) };
}

/** A change of the file, and its new text. */
export interface PlacesChange {
  readonly words: string;
  readonly text: string;
}

/**
 * After a migration: the line of the old spare goes, the new one gets one if it needs one. Comments
 * and what is not understood stay.
 * @param isOld whether a path and a first sector are those of the old spare
 */
export function movedPlace(
  system: System,
  isOld: (place: SparePlace) => boolean,
  fresh: SparePlace,
): PlacesChange | undefined {
  const text = system.read(SPARES_FILE) ?? "";
  const lines = text === "" ? [] : text.split("\n");
  const line = `${fresh.path} ${fresh.start}`;
  let placed = fresh.start === 0n;
  const kept = lines.flatMap((each) => {
    const place = placeOf(each);
    if (place === undefined) return [each];
    if (place.path === fresh.path && place.start === fresh.start) placed = true;
    else if (isOld(place)) {
      if (placed) return [];
      placed = true;
      return [line];
    }
    return [each];
  });
  if (!placed) kept.push(line);
  const next = kept.join("\n");
  if (next === lines.join("\n")) return undefined;
  const words = fresh.start === 0n
    ? `${SPARES_FILE} no longer names the old spare`
    : `${SPARES_FILE} names the new spare: ${line}`;
  return { words, text: next === "" ? "" : `${next}\n` };
}
