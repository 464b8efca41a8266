// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "../../../ffi/errors.ts";
import { checkMetadata } from "../../metadata/check.ts";
import { MemoryImage } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { encodeSuperblock, type Superblock } from "../../metadata/superblock.ts";
import { formatMetadata } from "../../metadata/write.ts";
import * as errors from "../errors.ts";
import { FakeSystem } from "../fake_system.ts";
import type { OpenSpare } from "../spare/content.ts";
import { parseTable } from "../table_line.ts";
import { leastLength, type MigrateOptions, planMigration, prepareNewSpare } from "./plan.ts";

const SECTORS = 4096;
const OTHER = "99999999-8888-4777-8666-555555555555";
const TABLE = "0 8192 remap 8:0 0 8:16 0 4096 1 proactive";

/** A device over sda, whose spare is sdb; sdc and others may be the next. */
class Bench {
  readonly system = new FakeSystem()
    .disk("dm-0", { number: "253:0", sectors: 8192n, dmName: "r0" })
    .disk("sda", { number: "8:0", sectors: 16384n, holders: ["dm-0"] })
    .disk("sdb", { number: "8:16", sectors: 8192n, holders: ["dm-0"] })
    .disk("sdc", { number: "8:32", sectors: BigInt(SECTORS) });
  readonly images = new Map<string, MemoryImage>();
  readonly superblock: Superblock;

  constructor() {
    const geometry = {
      blockSectors: 1,
      mainStart: 0,
      mainSectors: 8192,
      mainDeviceSectors: 16384,
      spareStart: 0,
      spareSectors: 4096,
      spareDeviceSectors: 8192,
    };
    const label = { name: "r0", mainId: "serial:MAIN" };
    this.superblock = formatMetadata(this.image("/dev/sdb", 0), geometry, label);
  }

  image(path: string, start: number): MemoryImage {
    const key = `${path}@${start}`;
    const image = this.images.get(key) ?? new MemoryImage(SECTORS * 512);
    this.images.set(key, image);
    return image;
  }

  readonly open: OpenSpare = (path, { startSectors, write, shared }) => {
    // What the kernel does with a device that somebody has exclusively.
    const isHeld = path === "/dev/sda" || path === "/dev/sdb";
    if (write && !shared && isHeld) throw new SystemError("open", path, 16);
    return this.image(path, startSectors);
  };

  plan(options: Partial<MigrateOptions> = {}, remapped = 10n, table = TABLE) {
    return planMigration(
      { name: "r0", spare: "/dev/sdc", ...options },
      { number: "253:0", table: parseTable(table), remapped },
      this.system,
      this.open,
    );
  }
}

function refuses(
  action: () => unknown,
  Kind: new (...args: never[]) => Error,
  words: RegExp,
): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof Kind, `${error}`);
    assert.match(error.message, words);
    return true;
  });
}

Deno.test("a blank spare gets the mark of an unfinished migration", () => {
  const bench = new Bench();
  const before = bench.image("/dev/sdb", 0).bytes.slice();
  const plan = bench.plan();
  assert.deepEqual(plan.target, { spare: "8:32", start: 0n, length: 4096n });
  prepareNewSpare(plan, bench.open);
  const { migrated } = checkMetadata(bench.image("/dev/sdc", 0));
  assert.equal(migrated?.kind, "unfinished");
  const { superblock } = migrated!;
  assert.equal(superblock.linkedUuid, bench.superblock.uuid);
  assert.deepEqual([superblock.mainSectors, superblock.spareDeviceSectors, superblock.mainId], [
    ...[8192, SECTORS, "serial:MAIN"],
  ]);
  assert.deepEqual(bench.image("/dev/sdb", 0).bytes, before, "the old one stays as it is");
  assert.deepEqual(bench.plan().warnings, [], "an earlier attempt is no obstacle");
});

Deno.test("where the old spare cannot be read the new one is wiped, for the kernel to mark", () => {
  const bench = new Bench();
  const dying: OpenSpare = (path, options) => {
    if (path === "/dev/sdb") throw new SystemError("read", path, 5);
    return bench.open(path, options);
  };
  const image = bench.image("/dev/sdc", 0);
  image.bytes.fill(7, 8192);
  const from = { number: "253:0", table: parseTable(TABLE), remapped: 1n };
  const options = { name: "r0", spare: "/dev/sdc" };
  prepareNewSpare(planMigration(options, from, bench.system, dying), dying);
  const { slotsStart } = layoutOf(SECTORS, 1);
  assert.ok(image.bytes.subarray(0, slotsStart * 512).every((byte) => byte === 0));
  assert.ok(image.bytes.subarray(slotsStart * 512).every((byte) => byte === 7));
});

Deno.test("a part of a disk, of the spare in use, or of main, if nothing overlaps", () => {
  const bench = new Bench();
  const { target, geometry } = bench.plan({ start: 1024n, length: 2048n });
  assert.deepEqual([target.start, target.length, geometry.spareStart], [1024n, 2048n, 1024]);
  const second = bench.plan({ spare: "/dev/sdb", start: 4096n });
  assert.equal(second.target.length, 4096n);
  prepareNewSpare(second, bench.open);
  refuses(() => bench.plan({ spare: "/dev/sdb" }), errors.OverlapError, /the spare in use/);
  assert.equal(bench.plan({ spare: "/dev/sda", start: 8192n }).target.length, 8192n);
  refuses(() => bench.plan({ spare: "/dev/sda" }), errors.OverlapError, /the main device/);
});

Deno.test("ranges of the spare in use may touch the new one, and not by a sector more", () => {
  const bench = new Bench();
  // The one in use is the first 4096 sectors of it.
  for (const start of [0n, 8n, 2048n, 4088n]) {
    const plan = () => bench.plan({ spare: "/dev/sdb", start, length: 2048n });
    refuses(plan, errors.OverlapError, /the spare in use/);
  }
  const behind = bench.plan({ spare: "/dev/sdb", start: 4096n, length: 2048n });
  assert.equal(behind.target.start, 4096n);
});

Deno.test("the device itself, and what lies on it, are no place for what it holds", () => {
  const bench = new Bench();
  bench.system.disk("dm-1", { number: "253:1", sectors: 8192n })
    .disk("dm-0", { number: "253:0", sectors: 8192n, dmName: "r0", holders: ["dm-1"] });
  for (const force of [false, true]) {
    refuses(() => bench.plan({ spare: "/dev/dm-0", force }), errors.OverlapError, /device itself;/);
    refuses(
      () => bench.plan({ spare: "/dev/dm-1", force }),
      errors.OverlapError,
      /lies on .* \(r0\)/,
    );
  }
});

Deno.test("too small: it says how large it must be", () => {
  const bench = new Bench();
  const least = leastLength(2000n, 1n);
  assert.equal(layoutOf(Number(least), 1).slots >= 2000, true);
  assert.equal(layoutOf(Number(least) - 1, 1).slots >= 2000, false);
  assert.equal(leastLength(0n, 8n), 120n);
  const enough = { length: least };
  assert.equal(bench.plan(enough, 2000n).target.length, least);
  const words = new RegExp(`2000 relocated sectors.*at least ${least}`);
  refuses(() => bench.plan({ length: least - 1n }, 2000n), errors.TooSmallError, words);
  refuses(() => bench.plan({ start: 4096n }), errors.TooSmallError, /has 0 sectors/);
});

Deno.test("in use, read-only, larger logical blocks, odd ranges, volatile", () => {
  const bench = new Bench();
  bench.system.disk("sdd", { number: "8:48", sectors: 4096n, holders: ["sdc"] })
    .disk("sde", { number: "8:64", sectors: 4096n, readOnly: true })
    .disk("sdf", { number: "8:80", sectors: 4096n, blockSize: 4096 });
  refuses(() => bench.plan({ spare: "/dev/sdd", force: true }), errors.HeldError, /held by sdc/);
  refuses(() => bench.plan({ spare: "/dev/sde" }), errors.RefusedError, /is read-only/);
  refuses(() => bench.plan({ spare: "/dev/sdf" }), errors.BlockSizeError, /4096 bytes/);
  refuses(
    () => bench.plan({}, 1n, TABLE.replace("proactive", "volatile")),
    errors.RefusedError,
    /volatile/,
  );
});

Deno.test("signatures and tables of others are overwritten with force only", () => {
  const bench = new Bench();
  bench.system.signatures.set("/dev/sdc", { type: "ext4", ambivalent: false });
  refuses(() => bench.plan(), errors.SignatureError, /ext4; it would be overwritten/);
  assert.match(bench.plan({ force: true }).warnings.join(), /ext4/);
  bench.system.signatures.clear();
  const image = bench.image("/dev/sdc", 0);
  const { superblock } = loadMetadata(bench.image("/dev/sdb", 0));
  image.write(0, encodeSuperblock({ ...superblock, uuid: OTHER }));
  refuses(() => bench.plan(), errors.WrongPairError, /holds the table of r0, set 9999.*--force/);
  assert.match(bench.plan({ force: true }).warnings.join(), /holds the table of r0/);
  const moved = { ...superblock, incompat: 2, linkedUuid: superblock.uuid };
  image.write(0, encodeSuperblock(moved));
  assert.deepEqual(bench.plan().warnings, [], "its content has moved to the spare in use");
  image.write(0, encodeSuperblock({ ...moved, linkedUuid: OTHER }));
  refuses(() => bench.plan(), errors.WrongPairError, /has moved to the spare with set 9999/);
  image.write(100, new Uint8Array([1, 2, 3]));
  refuses(() => bench.plan(), errors.WrongPairError, /damaged dm-remap metadata.*meta repair/);
});
