// SPDX-License-Identifier: GPL-2.0-only
// Everybody who may know what is newer than a snapshot.
import { NoDeviceMapperError, SystemError } from "../../ffi/errors.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { findSpares } from "../device/assemble/find.ts";
import { resolveBlockDevice } from "../device/block_device.ts";
import { BusyError, RefusedError, WrongPairError } from "../device/errors.ts";
import { storedIdentity } from "../device/capture_identity.ts";
import { identitiesOf } from "../device/identity.ts";
import { listRemapDevices, type RemapDevice } from "../device/remap_device.ts";
import { spareUnreadable } from "../device/spare/content.ts";
import { dmUuid, printable } from "../device/spare/owner.ts";
import { thisSystem } from "../device/system.ts";
import {
  liveWitness,
  type Lookup,
  OlderCopyError,
  type OldSpare,
  readOldSpare,
  storeWitnesses,
  type Witness,
} from "../restore/witness.ts";
import type { Image } from "../metadata/image.ts";
import { inOrder } from "../restore/timeline.ts";
import { isSameDevice } from "../store/identity.ts";
import type { DeviceIdentity, SnapshotHead, Store } from "../store/types.ts";
import { openTarget } from "./meta_target.ts";
import type { RestoreOptions } from "./snapshot_restore.ts";
import type { Session } from "./support/session.ts";

/** What all of them say. The old spare can be read until it is disposed of. */
export interface Testimony extends Disposable {
  readonly witnesses: readonly Witness[];
  /** Snapshots of the device that are older. */
  readonly older: number;
  readonly oldSpare: OldSpare | undefined;
  readonly oldPath: string | undefined;
  readonly oldImage: Image | undefined;
  /** The name of the device, if it is in use. */
  readonly active: string | undefined;
  /** Does somebody know the table as it was in the end? */
  readonly complete: boolean;
}

export interface Question {
  readonly store: Store;
  readonly head: SnapshotHead;
  readonly options: RestoreOptions;
}

/** @throws {BusyError} if the device is in use and may still change its table */
export async function askWitnesses(session: Session, question: Question): Promise<Testimony> {
  const { store, head, options } = question;
  const lookup: Lookup = { store, head, now: new Date().toISOString() };
  const { witnesses: stored, older } = await storeWitnesses(lookup);
  const path = options.inPlace ? options.spare : options.oldSpare;
  const start = options.inPlace ? options.spareStart : options.oldStart;
  using opened = new DisposableStack();
  const oldImage = path === undefined
    ? undefined
    : opened.use(openTarget({ path, start: start ?? BigInt(head.device.spareStart) }));
  const oldSpare = oldImage === undefined ? undefined : await examineSpare(lookup, oldImage);
  const others = await findOthers(session, lookup, [path, options.spare]);
  const live = await askDevice(session, lookup);
  const found = [oldSpare?.witness, ...others, live].filter((each) => each !== undefined);
  const witnesses = inOrder(head, [...stored, ...found]);
  const last = witnesses.findLast(({ knowledge }) => knowledge.order === "newer");
  const stays = opened.move();
  return {
    witnesses,
    older,
    oldSpare,
    oldPath: path,
    oldImage,
    active: live?.place,
    complete: last !== undefined && last.kind !== "snapshot" && last.knowledge.partial !== true,
    [Symbol.dispose]: () => stays.dispose(),
  };
}

/** Spares of the device that are plugged in, though nobody has named them. */
async function findOthers(
  { out }: Session,
  lookup: Lookup,
  named: readonly (string | undefined)[],
): Promise<Witness[]> {
  const real = named.map((path) => path === undefined ? undefined : thisSystem.realPath(path));
  const witnesses: Witness[] = [];
  for (const { device, start, content } of findSpares(thisSystem).found) {
    const superblock = content.kind === "newer" ? undefined : content.superblock;
    if (superblock === undefined || real.includes(thisSystem.realPath(device.node))) continue;
    if (!isSameDevice(lookup.head.device, storedIdentity(superblock, device.node))) continue;
    try {
      using image = openTarget({ path: device.node, start });
      const { witness, moved, problems } = await readOldSpare(lookup, image);
      if (moved) out.warn(`${device.node} was a spare of this device: ${problems.join("; ")}`);
      if (witness === undefined) continue;
      witnesses.push(witness);
      out.note(`note: ${device.node} is a spare of this device as well: what it knows counts`);
    } catch (error) {
      if (error instanceof OlderCopyError) {
        out.note(`note: ${device.node} holds an older table of this device, and was not asked`);
        continue;
      }
      if (!(error instanceof SystemError)) throw error;
      out.warn(
        `${device.node} is a spare of this device as well, and cannot be read: ${error.message}`,
      );
    }
  }
  return witnesses;
}

async function examineSpare(lookup: Lookup, image: Image): Promise<OldSpare> {
  const { path } = image;
  try {
    const found = await readOldSpare(lookup, image);
    requireSame(lookup.head, found.device, path);
    return found;
  } catch (error) {
    if (error instanceof OlderCopyError) {
      throw new RefusedError(`${error.message}: it is an old copy`, {
        device: path,
        cure: "name the spare that was used last, or leave it away",
        cause: error,
      });
    }
    throw spareUnreadable(path, error);
  }
}

/** What an unfinished spare says of itself need not be more than where its content comes from. */
function requireSame(head: SnapshotHead, device: DeviceIdentity | undefined, path: string): void {
  if (device === undefined || isSameDevice(head.device, device)) return;
  const whose = device.name === "" ? `set ${device.uuid}` : printable(device.name);
  throw new WrongPairError(
    `holds the table of ${whose}, main ${printable(device.mainId) || "not known"}; ` +
      `the snapshot is of ${printable(head.device.name)}, main ` +
      (printable(head.device.mainId) || "not known"),
    { device: path, cure: "name the spare of the device that the snapshot is of" },
  );
}

async function askDevice(session: Session, lookup: Lookup): Promise<Witness | undefined> {
  let dm: DeviceMapper;
  try {
    dm = session.openDeviceMapper();
  } catch (error) {
    // Without it no device can be in use.
    if (error instanceof NoDeviceMapperError) return undefined;
    throw error;
  }
  using _closing = dm;
  const device = findActive(dm, lookup.head.device);
  if (device === undefined) return undefined;
  const mode = device.status().mode ?? "rw";
  if (mode === "rw" && !device.info().suspended && !session.dryRun) {
    throw new BusyError("is in use, and may go on relocating sectors that nobody would know of", {
      device: device.name,
      cure: `keep what it knows (dmremap-ts snapshot take ${device.name}), unmount it, ` +
        `dmremap-ts remove ${device.name}, and run this again; a spare that still works is ` +
        "exchanged in use by dmremap-ts migrate",
    });
  }
  return await liveWitness(lookup, device);
}

function findActive(dm: DeviceMapper, device: DeviceIdentity): RemapDevice | undefined {
  return listRemapDevices(dm).find((each) => {
    const table = each.table();
    if (table.features.volatile === true) return false;
    if (device.uuid !== undefined && each.info().uuid === dmUuid(device.uuid)) return true;
    if (Number(table.length) !== device.mainSectors) return false;
    if (Number(table.mainStart) !== device.mainStart) return false;
    if (device.mainId === "") return each.name === device.name;
    return hasIdentity(table.main, device.mainId);
  });
}

function hasIdentity(number: string, identity: string): boolean {
  try {
    return identitiesOf(resolveBlockDevice(number), thisSystem).includes(identity);
  } catch {
    return false;
  }
}
