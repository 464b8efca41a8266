// SPDX-License-Identifier: GPL-2.0-only
// What the preparation relocated, and rubbish in its old place.

/** The relocated sectors of one device. */
export interface PreparedSet {
  readonly ranges: readonly { readonly first: number; readonly count: number }[];
  readonly sectors: number;
}

const SECTOR_SIZE = 512;

/** Reads the lines `prepare: NAME SECTOR COUNT remapped SLOT` of the first guest. */
export function takePrepared(output: string): Map<string, PreparedSet> {
  const found = new Map<string, PreparedSet>();
  for (
    const [, name = "", first, count] of output.matchAll(/^prepare: (\w+) (\d+) (\d+) remapped /gm)
  ) {
    const ranges = found.get(name)?.ranges ?? [];
    const sectors = (found.get(name)?.sectors ?? 0) + Number(count);
    found.set(name, {
      ranges: [...ranges, { first: Number(first), count: Number(count) }],
      sectors,
    });
  }
  if (!found.has("root") || !found.has("data")) throw new Error(`nothing relocated:\n${output}`);
  return found;
}

/** Whoever reads these sectors from the main device gets nonsense from now on. */
export function scribble(image: string, { ranges }: PreparedSet): void {
  using file = Deno.openSync(image, { write: true });
  for (const { first, count } of ranges) {
    file.seekSync(first * SECTOR_SIZE, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(count * SECTOR_SIZE).fill(0xe5));
  }
}
