// SPDX-License-Identifier: GPL-2.0-only
// Everybody who may know what is newer than a snapshot.
import { NoDeviceMapperError } from "../../ffi/errors.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { resolveBlockDevice } from "../device/block_device.ts";
import { BusyError, RefusedError, WrongPairError } from "../device/errors.ts";
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
  const live = await askDevice(session, lookup);
  const found = [oldSpare?.witness, live].filter((witness) => witness !== undefined);
  const isLast = (witness: Witness | undefined) =>
    witness?.knowledge.order === "newer" && witness.knowledge.partial !== true;
  const stays = opened.move();
  return {
    witnesses: [...stored, ...found],
    older,
    oldSpare,
    oldPath: path,
    oldImage,
    active: live?.place,
    complete: isLast(live) || isLast(oldSpare?.witness),
    [Symbol.dispose]: () => stays.dispose(),
  };
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
