// SPDX-License-Identifier: GPL-2.0-only
// What the preparation relocated, and rubbish in its old place.

/** The relocated sectors of one device. */
export interface PreparedSet {
  readonly ranges: readonly { readonly first: number; readonly count: number }[];
  readonly sectors: number;
}

const SECTOR_SIZE = 512;

/** Reads the lines `prepare: NAME JSON` of the first guest. */
export function takePrepared(output: string): Map<string, PreparedSet> {
  const found = new Map<string, PreparedSet>();
  for (const [, name = "", json = ""] of output.matchAll(/^prepare: (\w+) (\{.*\})\r?$/gm)) {
    const { entries }: { entries: { start_sectors: number; length_sectors: number }[] } = JSON
      .parse(json);
    const ranges = entries.map((entry) => ({
      first: entry.start_sectors,
      count: entry.length_sectors,
    }));
    const sectors = ranges.reduce((sum, { count }) => sum + count, 0);
    if (sectors === 0) throw new Error(`nothing of ${name} was relocated`);
    found.set(name, { ranges, sectors });
  }
  if (found.size !== 2) throw new Error(`prepared: ${[...found.keys()]}`);
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
