// SPDX-License-Identifier: GPL-2.0-only
// What tells one disk from another wherever it is plugged in: a word such as `wwn:naa.5000c500a1b2`.
import { createHash } from "node:crypto";
import { type BlockDevice, sysfsOf } from "./block_device.ts";
import type { System } from "./system.ts";

/** What the superblock has room for, without the zero behind it. */
const LONGEST = 127;

/**
 * The identities of a device, the most lasting first: WWN and serial number (of a partition: those of
 * its disk with the partition's number behind), partition UUID, and what dm or md call it. None for a
 * device that has nothing of the kind, such as a loop device.
 */
export function identitiesOf(device: BlockDevice, system: System): string[] {
  const directory = sysfsOf(device.number);
  const partition = system.read(`${directory}/partition`)?.trim();
  const suffix = partition === undefined ? "" : `-part${partition}`;
  return [
    ...hardwareIdentities(sysfsOf(device.disk), system).map((id) => `${id}${suffix}`),
    ...partition === undefined ? [] : named("partuuid", partitionUuid(device, system)),
    ...named("dm", system.read(`${directory}/dm/uuid`)),
    ...named("md", system.read(`${directory}/md/uuid`)),
  ].map(fitting);
}

/** The one that is written down; `undefined` if the device has none. */
export function identityOf(device: BlockDevice, system: System): string | undefined {
  return identitiesOf(device, system)[0];
}

/** SCSI and ATA disks have theirs below `device`, NVMe namespaces and virtio disks their own. */
function hardwareIdentities(disk: string, system: System): string[] {
  const wwn = system.read(`${disk}/wwid`) ?? system.read(`${disk}/device/wwid`);
  // An NVMe serial number is the controller's, which may have several namespaces.
  const namespace = system.read(`${disk}/nsid`);
  const serial = system.read(`${disk}/serial`) ?? system.read(`${disk}/device/serial`) ??
    // A page of vital product data: four bytes of header, then the number.
    system.read(`${disk}/device/vpd_pg80`)?.slice(4);
  return [
    ...named("wwn", wwn),
    ...named("serial", serial).map((id) => namespace === undefined ? id : `${id}-ns${namespace}`),
  ];
}

/** The kernel says it itself from 6.10 on; before that libblkid finds it in the partition table. */
function partitionUuid(device: BlockDevice, system: System): string | undefined {
  const uevent = system.read(`${sysfsOf(device.number)}/uevent`) ?? "";
  return /^PARTUUID=(\S+)$/m.exec(uevent)?.[1] ?? system.partitionUuid(device.node);
}

/** Cheap hardware says nothing but zeros and blanks: that is no identity. */
function named(kind: string, value: string | undefined): string[] {
  // deno-lint-ignore no-control-regex
  const word = (value ?? "").replaceAll(/[\s\x00-\x20\x7f-\uffff]+/g, " ").trim()
    .replaceAll(" ", "_");
  return /^(?:\w+\.)?[0_.-]*$/.test(word) ? [] : [`${kind}:${word}`];
}

function fitting(identity: string): string {
  if (identity.length <= LONGEST) return identity;
  const kind = identity.slice(0, identity.indexOf(":"));
  return `${kind}:sha256-${createHash("sha256").update(identity).digest("hex")}`;
}
