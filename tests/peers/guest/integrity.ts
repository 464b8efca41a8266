// SPDX-License-Identifier: GPL-2.0-only
//
// dm-integrity on a disk that wears out: each sector has a checksum of its own.
import { check, checkEqual, checkMatch } from "../../../cli/selftest/check.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { INTEGRITY_SECTORS } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { checkUnnoticed, dropCaches, type PartContext } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const BAD_SECTORS = 300;
const LEAST_RELOCATED = 20;
const MIB = 8;

/** The checksums are looked at whenever something is read. */
async function integrity(disk: WearingDisk): Promise<void> {
  const sums = ["--integrity=crc32c"];
  const shape = ["--sector-size=4096", "--journal-size=1048576"];
  await run("integritysetup", "format", "--batch-mode", ...sums, ...shape, disk.path);
  await run("integritysetup", "open", ...sums, disk.path, "whole");
  await fillWithContent("/dev/mapper/whole", MIB);
  await run("integritysetup", "close", "whole");
  await disk.remapped.again();
  await run("integritysetup", "open", ...sums, disk.path, "whole");
  await dropCaches();
  await checkContentOf("/dev/mapper/whole", MIB);
  await run("dd", "if=/dev/mapper/whole", "of=/dev/null", "bs=1M", "iflag=direct", "status=none");
  const status = await run("dmsetup", "status", "whole");
  checkMatch("mismatches that dm-integrity has counted", status, /integrity 0 /);
  await run("integritysetup", "close", "whole");
}

export async function integrityPart({ dm, step }: PartContext): Promise<void> {
  await run("modprobe", "-a", "dm-integrity");
  await using disk = await WearingDisk.create(dm, {
    name: "integrity",
    serial: "integrity",
    sectors: INTEGRITY_SECTORS,
    bad: BAD_SECTORS,
  });
  using log = KernelLogMark.atEnd();
  await step("no wrong checksum, while the disk wears out", async () => {
    disk.wearOn();
    try {
      await integrity(disk);
    } finally {
      await disk.rest();
    }
    checkUnnoticed(log);
    disk.remapped.checkSums();
    const { remapped, lost } = disk.remapped.counters();
    check("relocated sectors", remapped >= LEAST_RELOCATED, {
      expected: `${LEAST_RELOCATED} at least`,
      seen: remapped,
    });
    checkEqual("sectors without content", lost, 0);
    progress(`${disk.gone} bad, ${remapped} moved`);
  });
}
