// SPDX-License-Identifier: GPL-2.0-only
// The spare is lost completely; snapshots are all there is.
import assert from "node:assert/strict";
import { errorCode, expect, json, MAIN, SPARE, type Step } from "../../conformance/guest/tool.ts";
import { AT, sh, write } from "../../backup/guest/devices.ts";
import { assertShows, FRESH, packedJson, SMALL, TWIN, wipe } from "./devices.ts";
import { BAD_SECTOR } from "../../backup/guest/layout.ts";

/** Relocated at the snapshot; some of them lie beside each other. */
const RUNS = [[100, 1], [200, 8], [208, 4], [1000, 300], [70_000, 64]] as const;

const restore = (...words: string[]) => ["snapshot", "restore", "1", ...words, ...AT];

interface Said {
  readonly start_sectors: number;
  readonly length_sectors: number;
  readonly becomes: string;
  readonly reason: string;
}

const briefly = ({ sectors }: { sectors: Said[] }) =>
  sectors.map(({ start_sectors, length_sectors, becomes, reason }) =>
    `${start_sectors}+${length_sectors} ${becomes} ${reason}`
  );

/** What becomes of the first snapshot, by what the second one tells. */
const FATES = [
  "100+1 content snapshot",
  "200+8 content snapshot",
  "208+4 content snapshot",
  "300+2 lost relocated",
  "1000+100 content snapshot",
  "1100+10 main on-main",
  "1110+190 content snapshot",
  "5000+1 pending snapshot",
  "6000+1 lost relocated",
  "70000+60 content snapshot",
  "70060+4 lost moved",
];

const hash = (device: string) => sh(`sha256sum ${device}`);

export const LOST_STEPS: readonly Step[] = [
  ["sectors are relocated, written through, and kept with their content", async () => {
    await expect(0, "kmod", "load");
    await expect(0, "create", "r0", MAIN, SPARE);
    await write(0, 2048, 1);
    await write(70_000, 128, 1);
    for (const [first, count] of RUNS) {
      await expect(0, "remap", "r0", `${first}+${count}`);
      await write(first, count, 2);
    }
    await sh(`! dd if=/dev/mapper/r0 of=/dev/null bs=512 skip=${BAD_SECTOR} count=1 iflag=direct`);
    await expect(3, "snapshot", "take", "r0", "--with-data", ...AT);
  }],
  ["life goes on, and a snapshot without content knows where sectors are by then", async () => {
    await expect(0, "remap", "r0", "300+2", "6000");
    await write(300, 2, 3);
    // Written through its slot: no table tells.
    await write(200, 4, 3);
    // Back on main, and written there.
    await expect(0, "unmap", "r0", "1100+10");
    await write(1100, 10, 3);
    // Relocated anew: another slot.
    await expect(0, "unmap", "r0", "70060+4");
    await expect(0, "remap", "r0", "90000+8");
    await expect(0, "remap", "r0", "70060+4");
    await expect(0, "unmap", "r0", "90000+8");
    await expect(3, "snapshot", "take", "r0", "--reason", "the spare has died", ...AT);
  }],
  ["a device in use may relocate more, so nothing is restored beside it", async () => {
    assert.equal(await errorCode(5, ...restore("--spare", FRESH)), "busy");
    assert.equal(await errorCode(5, ...restore("--spare", SPARE)), "busy");
    const { known_by } = await json(3, ...restore("--spare", FRESH, "--dry-run"));
    assert.deepEqual(known_by.map((each: { kind: string }) => each.kind), ["snapshot", "device"]);
    await expect(0, "remove", "r0", "--yes");
    await wipe(SPARE);
  }],
  ["a disk that is too small, of another device, mounted, or not empty is refused", async () => {
    const small = await expect(1, ...restore("--spare", SMALL));
    assert.match(small.err, /too small: it has 256 sectors, and 2048 \(1 MiB\) hold everything/);
    assert.equal(await errorCode(1, ...restore("--spare", FRESH, "--main", TWIN)), "wrong-pair");
    await sh(`mkfs.ext4 -q ${FRESH}`);
    assert.equal(await errorCode(1, ...restore("--spare", FRESH)), "signature");
    await sh(`mount ${FRESH} /mnt`);
    assert.equal(await errorCode(5, ...restore("--spare", FRESH, "--force", "--yes")), "mounted");
    await sh(`umount /mnt`);
    assert.equal(await errorCode(2, ...restore("--spare", FRESH, "--force")), "usage");
    await sh(
      `wipefs -q --all ${FRESH}; dd if=/dev/urandom of=${FRESH} bs=1M seek=4 count=20 status=none`,
    );
  }],
  ["a dry run says what becomes of each sector, and touches nothing", async () => {
    const before = await hash(FRESH);
    const planned = await json(3, ...restore("--spare", FRESH, "--main", MAIN, "--dry-run"));
    assert.deepEqual(briefly(planned), FATES);
    assert.deepEqual(
      [planned.restored_sectors, planned.lost_sectors, planned.main_sectors, planned.dry_run],
      [363, 7, 10, true],
    );
    assert.equal(await hash(FRESH), before);
  }],
  ["the packed program makes the spare anew, and says what nobody can know", async () => {
    const done = await packedJson(3, ...restore("--spare", FRESH, "--main", MAIN));
    assert.deepEqual(briefly(done), FATES);
    assert.equal(done.unconfirmed_sectors, 363);
    assert.match(done.warnings.join("\n"), /what was relocated after .* is not known/);
    const { entries, superblock } = await json(0, "meta", "check", FRESH);
    assert.ok(entries > 0 && superblock.linked_uuid !== undefined, JSON.stringify(superblock));
  }],
  ["every sector is as at the snapshot, the newer ones are lost", async () => {
    await expect(3, "assemble", "r0", "--spare", FRESH);
    await assertShows([
      [0, 100, 1],
      [100, 1, 2],
      [101, 99, 1],
      [200, 12, 2],
      [212, 88, 1],
      [300, 2, "lost"],
      [302, 698, 1],
      [1000, 100, 2],
      [1100, 10, 3],
      [1110, 190, 2],
      [1300, 100, 1],
      [BAD_SECTOR, 1, "lost"],
      [6000, 1, "lost"],
      [70_000, 60, 2],
      [70_060, 4, "lost"],
      [70_064, 64, 1],
    ]);
    const status = await json(3, "status", "r0");
    const { remapped_sectors, lost_sectors } = status.devices?.[0] ?? status;
    assert.deepEqual([remapped_sectors, lost_sectors], [370, 8]);
  }],
  ["a lost sector that is written is there again", async () => {
    await write(300, 2, 4);
    await assertShows([[300, 2, 4]]);
    await expect(0, "remove", "r0", "--yes");
  }],
];
