// SPDX-License-Identifier: GPL-2.0-only
// A spare and a thin pool's metadata of the same size, their mappings as scattered as each other.
import { join } from "node:path";
import type { Extent } from "../../cli/metadata/extent.ts";
import { openImage } from "../../cli/metadata/image.ts";
import { layoutOf } from "../../cli/metadata/layout.ts";
import { writeMetadata } from "../../cli/metadata/write.ts";

/** Sectors or blocks of the origin from one mapping to the next. */
const STRIDE = 16;
/** A prime: neighbours of the origin lie far apart on the other side. */
const STEP = 7919;
const MIB = 1024 * 1024;

/** An image of a spare with so many relocated sectors, none next to another. */
export function writeSpare(path: string, entries: number): void {
  const sectors = Math.max(32768, 2 * entries);
  const { slotsStart } = layoutOf(sectors, 1);
  function* extents(): Generator<Extent> {
    for (let index = 0; index < entries; index++) {
      const slot = slotsStart + (index * STEP) % entries;
      yield { first: index * STRIDE, length: 1, slot, state: "remapped" };
    }
  }
  Deno.writeFileSync(path, new Uint8Array());
  Deno.truncateSync(path, sectors * 512);
  using image = openImage(path, { write: true });
  const main = entries * STRIDE;
  writeMetadata(image, {
    uuid: crypto.randomUUID(),
    name: "bench",
    blockSectors: 1,
    mainStart: 0,
    mainSectors: main,
    mainDeviceSectors: main,
    spareStart: 0,
    spareSectors: sectors,
    spareDeviceSectors: sectors,
  }, extents());
}

/** The metadata of a pool with one device that has so many mappings; returns its path. */
export async function writePool(folder: string, entries: number): Promise<string> {
  const xml = join(folder, "pool.xml");
  const pool = join(folder, "pool");
  writeXml(xml, entries);
  Deno.writeFileSync(pool, new Uint8Array());
  Deno.truncateSync(pool, Math.ceil(entries / 20_000 + 4) * MIB);
  const { success, stderr } = await new Deno.Command("thin_restore", {
    args: ["-q", "-i", xml, "-o", pool],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`thin_restore: ${new TextDecoder().decode(stderr)}`);
  return pool;
}

function writeXml(path: string, entries: number): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  const put = (text: string) => {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  };
  put(
    `<superblock uuid="" time="1" transaction="1" data_block_size="128" nr_data_blocks="${entries}">\n` +
      `<device dev_id="1" mapped_blocks="${entries}" transaction="0" creation_time="0" snap_time="0">\n`,
  );
  let lines = "";
  for (let index = 0; index < entries; index++) {
    const block = (index * STEP) % entries;
    lines += `<single_mapping origin_block="${index * STRIDE}" data_block="${block}" time="0"/>\n`;
    if (lines.length < MIB) continue;
    put(lines);
    lines = "";
  }
  put(`${lines}</device>\n</superblock>\n`);
}
