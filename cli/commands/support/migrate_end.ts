// SPDX-License-Identifier: GPL-2.0-only
// What follows when a migration has ended: the old spare is let go of, losses are named.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { movedPlace, type SparePlace, SPARES_FILE } from "../../device/assemble/places.ts";
import { resolveBlockDevice } from "../../device/block_device.ts";
import { letGo, lostSectors, newlyLost } from "../../device/migrate/finish.ts";
import type { MigrationReport } from "../../device/migrate/report.ts";
import type { RemapDevice } from "../../device/remap_device.ts";
import type { SectorRange } from "../../device/sectors.ts";
import { isDegraded } from "../../device/status_line.ts";
import { type System, thisSystem } from "../../device/system.ts";
import { EXIT } from "../../output/exit_codes.ts";
import { devicePath } from "./device_paths.ts";
import { migrationFields, rangeWords, reasonWords } from "./migrate_words.ts";
import { amount } from "./present.ts";
import type { Session } from "./session.ts";

/** What is known of a migration that this very run has started. */
export interface Undertaking {
  readonly lostBefore?: readonly SectorRange[];
  readonly old?: SparePlace;
  readonly fresh?: SparePlace;
}

/** Milliseconds that an interrupt waits for a device that is suspended. */
const GRACE_MS = 60_000;

export async function concludeMigration(
  session: Session,
  dm: DeviceMapper,
  device: RemapDevice,
  report: MigrationReport,
  undertaking: Undertaking,
): Promise<void> {
  const { out } = session;
  const { name } = device;
  const fields = { name, ...migrationFields(report) };
  if (report.state === "none") {
    return out.done(fields, `${name}: no migration since the device was activated`);
  }
  if (report.state !== "done") {
    session.exitCode = EXIT.failed;
    const words = `the migration of ${name} ${
      report.state === "stopped" ? "was cancelled" : "failed"
    }: ${reasonWords(report)}`;
    out.warn(words);
    return out.done(fields, `${name} goes on with the spare that it has`);
  }
  session.graceMs = GRACE_MS;
  const released = await letGo(dm, device);
  const place = renamePlace(session, undertaking);
  const lost = await lossesOf(session, device, report, undertaking);
  const { spare } = device.table();
  if (isDegraded(device.status())) session.degraded();
  out.done(
    {
      ...fields,
      spare,
      spare_path: devicePath(spare),
      released: released.map((number) => devicePath(number)),
      lost: lost.map(({ first, count }) => ({ start_sectors: first, length_sectors: count })),
      spares_file: place,
    },
    `the spare of ${name} is ${devicePath(spare)} now: ` +
      `${amount(report.total, out.units)} relocated` +
      (released.length === 0
        ? ""
        : `, ${released.map((number) => devicePath(number)).join(", ")} is not needed any more`),
  );
}

/** Names what was lost on the way, and lets the exit code tell. */
async function lossesOf(
  session: Session,
  device: RemapDevice,
  { lost }: MigrationReport,
  { lostBefore }: Undertaking,
): Promise<SectorRange[]> {
  if (lost === 0n) return [];
  session.degraded();
  const { out } = session;
  const see = `\`dmremap-ts entries ${device.name}\` shows all that are lost`;
  const words = `${amount(lost, out.units)} of ${device.name} could not be read on the old spare ` +
    "and are lost";
  if (lostBefore === undefined) {
    out.warn(`${words}; ${see}`);
    return [];
  }
  const ranges = newlyLost(lostBefore, await lostSectors(device));
  out.warn(`${words}: ${rangeWords(ranges)}; ${see}`);
  return ranges;
}

/** Keeps the file that names spares in the middle of devices up to date. */
function renamePlace(session: Session, { old, fresh }: Undertaking): string | undefined {
  if (old === undefined || fresh === undefined) return undefined;
  const { out } = session;
  const change = movedPlace(thisSystem, (place) => isSamePlace(place, old, thisSystem), fresh);
  if (change === undefined) return undefined;
  try {
    writeWhole(SPARES_FILE, change.text);
    out.note(change.words);
    return change.words;
  } catch (error) {
    out.warn(
      `${SPARES_FILE} could not be written (${error instanceof Error ? error.message : error}); ` +
        `the line for the new spare is: ${fresh.path} ${fresh.start}`,
    );
    return undefined;
  }
}

function isSamePlace(place: SparePlace, old: SparePlace, system: System): boolean {
  const number = (path: string) => {
    try {
      return resolveBlockDevice(path, system).number;
    } catch {
      return path;
    }
  };
  return place.start === old.start && number(place.path) === number(old.path);
}

function writeWhole(path: string, text: string): void {
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const fresh = `${path}.new`;
  using file = Deno.openSync(fresh, { write: true, create: true, truncate: true, mode: 0o644 });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  file.syncSync();
  Deno.renameSync(fresh, path);
}
