// SPDX-License-Identifier: GPL-2.0-only
// The device's own old spare, whose table is replaced.
import { RefusedError, SignatureError, TooSmallError, WrongPairError } from "../device/errors.ts";
import { printable } from "../device/spare/owner.ts";
import { thisSystem } from "../device/system.ts";
import { SECTOR_SIZE } from "../metadata/format.ts";
import { badSlotsOf, type Ground } from "../restore/job.ts";
import { place, type Placement } from "../restore/place.ts";
import { SnapshotExistsError } from "../store/errors.ts";
import { versionInfo } from "../version.ts";
import { keepCopy } from "./meta_copy.ts";
import { inWords, openTarget, requireUnused, type Target } from "./meta_target.ts";
import type { Site, Wish } from "./snapshot_restore_target.ts";

/** @throws {DeviceError} */
export function oldGround(wish: Wish): Site {
  const { options, fates, testimony: { oldSpare } } = wish;
  const { head } = fates;
  const trusts = options.trustSlots ?? false;
  const start = options.spareStart ?? BigInt(head.device.spareStart);
  const target: Target = { path: options.spare ?? "", start };
  requireUnused(target.path);
  checkOld(wish, target);
  const ground = measure(wish, target);
  const placement = placeOn(wish, ground, target);
  const counts = oldSpare?.whole === true && oldSpare.capture !== undefined;
  return {
    ...{ path: target.path, ground, placement, write: trusts ? "table" : "new" },
    keeps: trusts && counts,
    overwrites: `replaces its ${counts ? "" : "damaged "}table by that of snapshot ${head.id}` +
      (trusts ? "" : ", and what its slots hold by the content of that"),
    keep: () => keepOld(wish, target, ground),
    open: () => openTarget(target, true),
    finished: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}

/** Whether it can be the old spare, and its slots what the snapshot says they are. */
function checkOld({ options, fates, testimony: { oldSpare } }: Wish, { path }: Target): void {
  const { head, decisions } = fates;
  if (oldSpare?.moved === true) {
    throw new RefusedError(oldSpare.problems.join("; "), {
      device: path,
      cure: "restore to that spare; this one may become a new one with --force, without --in-place",
    });
  }
  if (oldSpare?.device === undefined) {
    const found = thisSystem.probe(path);
    if (found !== undefined) {
      throw new SignatureError(
        `nothing on it says that it is the spare of ${printable(head.device.name)}, and it ` +
          `carries a signature: ${found.type}`,
        { device: path, cure: `if it is all the same, wipefs --all ${path}` },
      );
    }
  }
  if (options.trustSlots !== true) return;
  const refuse = (reason: string) => {
    throw new WrongPairError(reason, { device: path, cure: "leave --trust-slots away" });
  };
  if (oldSpare?.unfinished === true) refuse("its slots were begun to be written anew");
  const uuid = oldSpare?.device?.uuid;
  if (uuid !== undefined && uuid !== head.device.uuid) {
    refuse(`its slots are those of set ${uuid}, the snapshot has those of ${head.device.uuid}`);
  }
  if (decisions.some(({ fate }) => fate === "content")) {
    refuse(`the device has had another spare since: set ${fates.device.uuid}`);
  }
}

/** The range is as it was. */
function measure({ fates, testimony: { oldSpare } }: Wish, target: Target): Ground {
  const { spareSectors } = oldSpare?.device ?? fates.head.device;
  using image = openTarget(target);
  const rest = Math.floor(image.sizeBytes / SECTOR_SIZE);
  if (rest < spareSectors) {
    throw new TooSmallError(
      `has ${rest} sectors from sector ${target.start} on, but the spare range had ${spareSectors}`,
      { device: target.path, cure: "name the device that was the spare" },
    );
  }
  const spareStart = Number(target.start ?? 0n);
  return { spareStart, spareSectors, spareDeviceSectors: spareStart + rest };
}

function placeOn({ store, fates, testimony }: Wish, ground: Ground, { path }: Target): Placement {
  const { head, decisions, device: { blockSectors } } = fates;
  const uuid = testimony.oldSpare?.device?.uuid ?? head.device.uuid;
  const bad = badSlotsOf([
    head.device.uuid === uuid ? [...store.badSlots(head.id)] : [],
    ...testimony.witnesses.filter(({ device }) => device.uuid === uuid).map((each) => each.bad),
  ]);
  const { spareSectors } = ground;
  const placement = place(decisions, { spareSectors, blockSectors }, { inPlace: true, bad });
  if (placement !== undefined) return placement;
  throw new TooSmallError("its slots do not hold everything", {
    device: path,
    cure: "take a larger spare, with --old-spare for this one",
  });
}

/** What the old table says is newer must be known for ever: it goes into the store first. */
async function keepOld(
  { store, options, fates, testimony: { oldSpare } }: Wish,
  target: Target,
  { spareSectors }: Ground,
): Promise<void> {
  const { blockSectors } = fates.device;
  if (options.backup !== undefined) {
    try {
      keepCopy(target, { spareSectors, blockSectors }, options.backup);
    } catch (error) {
      throw inWords(error, target.path);
    }
  }
  const capture = oldSpare?.capture;
  if (capture === undefined) return;
  try {
    await store.takeSnapshot({
      ...capture.facts,
      takenAt: new Date().toISOString(),
      reason: `before snapshot ${fates.head.id} was restored over it`,
      host: Deno.hostname(),
      toolVersion: versionInfo().tool,
      withData: false,
    }, { entries: capture.entries, badSlots: capture.badSlots });
  } catch (error) {
    if (!(error instanceof SnapshotExistsError)) throw error;
  }
}
