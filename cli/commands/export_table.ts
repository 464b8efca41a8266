// SPDX-License-Identifier: GPL-2.0-only
// The bad sectors of a device, as other programs shall be told of them, and where to.
import { BusyError, RefusedError } from "../device/errors.ts";
import type { RemapDevice } from "../device/remap_device.ts";
import { mergeRanges, type SectorRange } from "../device/sectors.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { isLost } from "./support/present.ts";
import type { Session } from "./support/session.ts";

const TRIES = 20;

/**
 * The sectors in the table at one moment, in merged ranges.
 * @throws {BusyError} if the table never stays as it is for long enough
 */
export async function badRanges(
  session: Session,
  device: RemapDevice,
  unreadableOnly: boolean,
): Promise<SectorRange[]> {
  for (let left = TRIES; left > 0; left--) {
    const before = await tableChanges(device);
    const ranges: SectorRange[] = [];
    for await (const place of device.entries()) {
      if (session.signal.aborted) throw new InterruptedError("interrupted");
      if (unreadableOnly && !isLost(place)) continue;
      ranges.push({ first: place.sector, count: place.count });
    }
    if (await tableChanges(device) === before) return mergeRanges(ranges);
  }
  throw new BusyError("its table changes all the time", {
    device: device.name,
    cure: "try again when fewer sectors are relocated at a time",
  });
}

async function tableChanges(device: RemapDevice): Promise<unknown> {
  return (await device.stats()).get("table_changes");
}

/**
 * Writes the pieces to a file that is whole or not there, or to stdout.
 * @throws {RefusedError}
 */
export async function writeList(
  session: Session,
  file: string | undefined,
  pieces: Iterable<string>,
  force: boolean,
): Promise<void> {
  if (file === undefined || file === "-") {
    for (const piece of pieces) session.terminal.writeOut(piece);
    return;
  }
  await requireFree(file, force);
  const part = `${file}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await writePart(session, part, pieces);
    await Deno.rename(part, file);
  } catch (error) {
    throw inWords(error, file);
  } finally {
    await Deno.remove(part).catch(() => undefined);
  }
}

/** What is no file is never replaced by one. @throws {RefusedError} */
async function requireFree(file: string, force: boolean): Promise<void> {
  const found = await Deno.stat(file).catch(() => undefined);
  if (found === undefined || found.isFile && force) return;
  throw found.isFile
    ? new RefusedError("exists already", { device: file, cure: "give another name, or --force" })
    : new RefusedError("is no file", { device: file, cure: "give a file, or - for stdout" });
}

async function writePart({ signal }: Session, path: string, pieces: Iterable<string>) {
  const encoder = new TextEncoder();
  using output = await Deno.open(path, { write: true, createNew: true });
  for (const piece of pieces) {
    if (signal.aborted) throw new InterruptedError("interrupted");
    const bytes = encoder.encode(piece);
    for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
  }
  await output.sync();
}

function inWords(error: unknown, file: string): unknown {
  if (error instanceof InterruptedError || !(error instanceof Error)) return error;
  return new RefusedError("cannot be written", {
    device: file,
    cure: "give a file in a directory that you may write to, or - for stdout",
    cause: error,
  });
}
