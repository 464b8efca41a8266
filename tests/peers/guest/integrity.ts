// SPDX-License-Identifier: GPL-2.0-only
//
// dm-integrity and LUKS2 on a disk that wears out, with the checks of their own.
import { check, checkEqual, checkMatch } from "../../../cli/selftest/check.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { stackOf } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { checkUnnoticed, chosenCases, dropCaches, type PartContext } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const LEAST_RELOCATED = 20;
const KEY = "/tmp/key";

/** Each sector has a checksum of its own, which is looked at whenever it is read. */
async function integrity(disk: WearingDisk, mib: number): Promise<void> {
  const sums = ["--integrity=crc32c"];
  const shape = ["--sector-size=4096", "--journal-size=1048576"];
  await run("integritysetup", "format", "--batch-mode", ...sums, ...shape, disk.path);
  await run("integritysetup", "open", ...sums, disk.path, "whole");
  await fillWithContent("/dev/mapper/whole", mib);
  await run("integritysetup", "close", "whole");
  await disk.remapped.again();
  await run("integritysetup", "open", ...sums, disk.path, "whole");
  await dropCaches();
  await checkContentOf("/dev/mapper/whole", mib);
  await run("dd", "if=/dev/mapper/whole", "of=/dev/null", "bs=1M", "iflag=direct", "status=none");
  const status = await run("dmsetup", "status", "whole");
  checkMatch("mismatches that dm-integrity has counted", status, /integrity 0 /);
  await run("integritysetup", "close", "whole");
}

const luks = (...args: readonly string[]) => run("cryptsetup", "--batch-mode", ...args);

/** Re-encryption moves everything, and keeps checksums of what is between two keys. */
async function encryption(disk: WearingDisk, mib: number): Promise<void> {
  await Deno.writeTextFile(KEY, "a key for tests only");
  const key = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", `--key-file=${KEY}`];
  // A header of 4 MiB instead of 16.
  const shape = ["--type=luks2", "--luks2-keyslots-size=2m", "--offset=8192"];
  const open = () => luks("open", `--key-file=${KEY}`, disk.path, "secret");
  await luks("luksFormat", ...shape, ...key, disk.path);
  await open();
  await fillWithContent("/dev/mapper/secret", mib);
  await luks("reencrypt", "--resilience=checksum", ...key, disk.path);
  await checkContentOf("/dev/mapper/secret", mib);
  await luks("close", "secret");
  await disk.remapped.again();
  checkMatch("the header", await luks("luksDump", disk.path), /Version:\s+2/);
  await open();
  await dropCaches();
  await checkContentOf("/dev/mapper/secret", mib);
  await luks("close", "secret");
}

const CASES = [
  { what: "dm-integrity: no wrong checksum, while the disk wears out", action: integrity },
  { what: "LUKS2: encrypted, and encrypted anew, while the disk wears out", action: encryption },
] as const;

export async function integrityPart(context: PartContext): Promise<void> {
  const { dm, full, step } = context;
  const { sectors, content, bad } = stackOf("integrity", full);
  await run("modprobe", "-a", "dm-integrity", "dm-crypt");
  for (
    const [index, { what, action }] of chosenCases(CASES, (each) => each.what, context).entries()
  ) {
    await using disk = await WearingDisk.create(dm, {
      name: `integrity-${index}`,
      serial: "integrity",
      first: index * WearingDisk.sectorsFor(sectors),
      sectors,
      bad,
    });
    using log = KernelLogMark.atEnd();
    await step(what, async () => {
      disk.wearOn();
      try {
        await action(disk, content);
      } finally {
        await disk.rest();
      }
      checkUnnoticed(log);
      disk.remapped.checkSums();
      const { remapped, lost } = disk.remapped.counters();
      progress(`${disk.gone} bad, ${remapped} moved`);
      check("relocated sectors", remapped >= LEAST_RELOCATED, {
        expected: `${LEAST_RELOCATED} at least`,
        seen: remapped,
      });
      checkEqual("sectors without content", lost, 0);
    });
  }
}
