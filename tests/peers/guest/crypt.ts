// SPDX-License-Identifier: GPL-2.0-only
//
// dm-integrity and LUKS2 on disks that wear out, with their own checks.
import { check, checkEqual, checkMatch } from "../../../cli/selftest/check.ts";
import { KernelLogMark } from "../../../ffi/kernel_log.ts";
import { run } from "../../model/process.ts";
import { progress } from "../../model/records.ts";
import { CRYPT_SECTORS } from "../layout.ts";
import { checkContentOf, fillWithContent } from "./content.ts";
import { checkUnnoticed, dropCaches, type PartContext } from "./steps.ts";
import { WearingDisk } from "./wearing.ts";

const BAD_SECTORS = 300;
const LEAST_RELOCATED = 20;
const MIB = 8;
const KEY = "/tmp/key";

/** Each sector has a checksum of its own, which is looked at whenever it is read. */
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

const luks = (...args: readonly string[]) => run("cryptsetup", "--batch-mode", ...args);

/** Re-encryption moves everything, and keeps checksums of what is between two keys. */
async function encryption(disk: WearingDisk): Promise<void> {
  await Deno.writeTextFile(KEY, "a key for tests only");
  const cheap = ["--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", `--key-file=${KEY}`];
  const open = () => luks("open", `--key-file=${KEY}`, disk.path, "secret");
  await luks("luksFormat", "--type=luks2", ...cheap, disk.path);
  await open();
  await fillWithContent("/dev/mapper/secret", MIB);
  await luks("reencrypt", "--resilience=checksum", ...cheap, disk.path);
  await checkContentOf("/dev/mapper/secret", MIB);
  await luks("close", "secret");
  await disk.remapped.again();
  await luks("repair", disk.path);
  checkMatch("the header", await luks("luksDump", disk.path), /Version:\s+2/);
  await open();
  await dropCaches();
  await checkContentOf("/dev/mapper/secret", MIB);
  await luks("close", "secret");
}

export async function cryptPart({ dm, step }: PartContext): Promise<void> {
  await run("modprobe", "-a", "dm-integrity", "dm-crypt");
  const cases = [
    ["integritysetup: no wrong checksum, while the disk wears out", integrity],
    ["cryptsetup: encrypted and encrypted anew, while the disk wears out", encryption],
  ] as const;
  for (const [index, [what, action]] of cases.entries()) {
    await using disk = await WearingDisk.create(dm, {
      name: `crypt-${index}`,
      serial: "crypt",
      first: index * WearingDisk.sectorsFor(CRYPT_SECTORS),
      sectors: CRYPT_SECTORS,
      bad: BAD_SECTORS,
    });
    using log = KernelLogMark.atEnd();
    await step(what, async () => {
      disk.wearOn();
      try {
        await action(disk);
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
}
