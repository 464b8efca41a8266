// SPDX-License-Identifier: GPL-2.0-only
import { createHash } from "node:crypto";
import type { SnapshotHead } from "./types.ts";

/** What the seal is made of: all that is the same in every store. */
export type Sealed = Omit<SnapshotHead, "id" | "deviceId" | "seal">;

/** The mark of a snapshot. A head that was changed by one bit has another. */
export function sealOf(head: Sealed): string {
  return createHash("sha256").update(canonicalHead(head)).digest("hex");
}

/** In a fixed order; `null` for what is missing. Never changes, or no old seal would hold. */
function canonicalHead(head: Sealed): string {
  const { device } = head;
  const counters = Object.entries(head.counters).map(([name, value]) => [name, `${value}`]);
  return JSON.stringify([
    "dm-remap snapshot 1",
    device.name,
    device.uuid ?? null,
    device.predecessorUuid ?? null,
    device.mainId,
    device.mainPath,
    device.mainStart,
    device.mainSectors,
    device.mainDeviceSectors,
    device.blockSectors,
    device.sparePath,
    device.spareStart,
    device.spareSectors,
    device.spareDeviceSectors,
    device.args,
    head.takenAt,
    head.reason,
    head.source,
    head.generation,
    head.tableChanges ?? null,
    head.health,
    counters.sort(([a], [b]) => a! < b! ? -1 : 1),
    head.host,
    head.toolVersion,
    head.moduleVersion,
    head.withData,
    head.digest,
    head.dataDigest,
    head.entries,
    head.remappedSectors,
    head.lostSectors,
    head.pendingSectors,
    head.badSectors,
    head.dataBytes,
  ]);
}
