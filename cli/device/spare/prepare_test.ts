// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "../../../ffi/errors.ts";
import { MemoryImage } from "../../metadata/image.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { encodeSuperblock } from "../../metadata/superblock.ts";
import { writeMetadata } from "../../metadata/write.ts";
import * as errors from "../errors.ts";
import { FakeSystem } from "../fake_system.ts";
import type { OpenSpare } from "./content.ts";
import {
  type PersistentOptions,
  type PersistentPlan,
  planPersistent,
  prepareSpare,
} from "./prepare.ts";

const SECTORS = 4096;
const NAME = { name: "r0", main: "/dev/sda", spare: "/dev/sdb", features: {} };

/** Two disks and a third that could be main as well, and the content of the spare. */
class Bench {
  readonly system = new FakeSystem()
    .disk("sda", { number: "8:0", sectors: 8192n, attributes: { serial: "MAIN" } })
    .disk("sdb", { number: "8:16", sectors: BigInt(SECTORS), attributes: { serial: "SPARE" } })
    .disk("sdc", { number: "8:32", sectors: 8192n, attributes: { serial: "OTHER" } })
    .disk("loop0", { number: "7:0", sectors: 8192n });
  readonly image = new MemoryImage(SECTORS * 512);
  readonly open: OpenSpare = () => this.image;

  plan(options: Partial<PersistentOptions> = {}): Promise<PersistentPlan> {
    return planPersistent({ ...NAME, ...options }, this.system, this.open);
  }

  async create(options: Partial<PersistentOptions> = {}): Promise<PersistentPlan> {
    const plan = await this.plan(options);
    prepareSpare(plan, this.open);
    return plan;
  }
}

async function refuses(
  plan: Promise<unknown>,
  Kind: new (...args: never[]) => Error,
  message: RegExp,
): Promise<void> {
  await assert.rejects(plan, (error) => {
    assert.ok(error instanceof Kind, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("an empty spare gets a table with name and identity; the slots stay as they are", async () => {
  const bench = new Bench();
  bench.image.bytes.fill(0x5a);
  const { action, line, uuid } = await bench.create();
  assert.ok(action.kind === "format");
  assert.equal(line, "0 8192 remap 8:0 0 8:16 0 4096");
  assert.equal(uuid, `DMREMAP-${action.uuid}`);
  const { superblock } = loadMetadata(bench.image);
  assert.deepEqual([superblock.name, superblock.mainId, superblock.uuid], [
    ...["r0", "serial:MAIN", action.uuid],
  ]);
  assert.ok(
    bench.image.bytes.subarray(action.metadataSectors * 512).every((byte) => byte === 0x5a),
  );
});

Deno.test("the table of this very main goes on, with the options that it had", async () => {
  const bench = new Bench();
  await bench.create();
  relocateSome(bench, "2 retries 5");
  const before = bench.image.bytes.slice();
  const { action, line, uuid } = await bench.create();
  assert.ok(action.kind === "activate");
  assert.equal(action.counts.remapped, 3);
  assert.equal(line, "0 8192 remap 8:0 0 8:16 0 4096 2 retries 5");
  assert.equal(uuid, `DMREMAP-${action.superblock.uuid}`);
  const other = await bench.create({ name: "r1", features: { proactive: true } });
  assert.equal(other.line, "0 8192 remap 8:0 0 8:16 0 4096 1 proactive");
  assert.equal((await bench.create({ force: true })).action.kind, "activate");
  assert.deepEqual(bench.image.bytes, before, "nothing is written");
});

Deno.test("--format, and nothing less, drops the main's own table", async () => {
  const bench = new Bench();
  await bench.create();
  relocateSome(bench, "");
  const { action } = await bench.create({ format: true });
  assert.ok(action.kind === "format");
  assert.match(action.replaces ?? "", /table of r0, 3 sectors relocated/);
  assert.deepEqual([...loadMetadata(bench.image).extents()], []);
});

Deno.test("the table of another main is refused unless forced", async () => {
  const bench = new Bench();
  await bench.create();
  const wrong = { main: "/dev/sdc" };
  await refuses(bench.plan(wrong), errors.WrongPairError, /serial:MAIN; it would be lost.*--force/);
  await refuses(bench.plan({ ...wrong, format: true }), errors.WrongPairError, /--force/);
  const { warnings } = await bench.create({ ...wrong, force: true });
  assert.match(warnings.join(), /holds the table of r0/);
  assert.equal(loadMetadata(bench.image).superblock.mainId, "serial:OTHER");
});

Deno.test("a table of other sizes is told of, not activated and not dropped", async () => {
  const bench = new Bench();
  await bench.create({ length: 8000n });
  for (const options of [{}, { force: true }]) {
    await refuses(bench.plan(options), errors.WrongPairError, /length of 8000 sectors, not 8192/);
  }
  assert.equal((await bench.plan({ length: 8000n })).action.kind, "activate");
});

Deno.test("a main device that has grown since is not the one that the table was made for", async () => {
  const bench = new Bench();
  await bench.create({ length: 8192n });
  bench.system.disk("sda", { number: "8:0", sectors: 9000n, attributes: { serial: "MAIN" } });
  const words = /main device of 8192 sectors, not 9000/;
  await refuses(bench.plan({ length: 8192n }), errors.WrongPairError, words);
});

Deno.test("a disk without an identity does not get the table of one that has one", async () => {
  const bench = new Bench();
  await bench.create();
  const loop = { main: "/dev/loop0" };
  await refuses(bench.plan(loop), errors.WrongPairError, /serial:MAIN; it would be lost/);
});

Deno.test("a superblock that cannot be read is damaged, and the spare not an empty one", async () => {
  const EIO = 5;
  for (const unreadable of [0, 1]) {
    const bench = new Bench();
    await bench.create();
    relocateSome(bench, "");
    const read = bench.image.read.bind(bench.image);
    bench.image.read = (offset, length) => {
      if (Math.floor(offset / 4096) <= unreadable && offset + length > unreadable * 4096) {
        throw new SystemError("read", "/dev/sdb", EIO);
      }
      return read(offset, length);
    };
    const { action } = await bench.plan();
    assert.ok(action.kind === "activate");
    assert.equal(action.counts.remapped, 3);
  }
});

Deno.test("without an identity the name has to be right", async () => {
  const bench = new Bench();
  const loop = { main: "/dev/loop0" };
  const made = await bench.create(loop);
  assert.ok(made.action.kind === "format" && made.action.mainId === undefined);
  const again = await bench.plan(loop);
  assert.equal(again.action.kind, "activate");
  assert.match(again.warnings.join(), /does not say which main device/);
  await refuses(bench.plan({ ...loop, name: "r1" }), errors.WrongPairError, /not known/);
});

Deno.test("damage is refused, also where only traces are left, until --format is given", async () => {
  for (const zeroed of [[], [0, 1]]) {
    const bench = new Bench();
    await bench.create();
    relocateSome(bench, "");
    bench.image.write(100, new Uint8Array([1]));
    bench.image.write(4096 + 100, new Uint8Array([1]));
    for (const block of zeroed) bench.image.write(block * 4096, new Uint8Array(4096));
    for (const options of [{}, { force: true }]) {
      await refuses(bench.plan(options), errors.MetadataDamagedError, /meta check.*meta repair/);
    }
    assert.equal((await bench.create({ format: true })).action.kind, "format");
    assert.deepEqual([...loadMetadata(bench.image).extents()], []);
  }
});

Deno.test("a spare that a migration has left is used again with --format only", async () => {
  for (const [incompat, words] of [[1, /was not finished/], [2, /has moved to/]] as const) {
    const bench = new Bench();
    await bench.create();
    const { superblock } = loadMetadata(bench.image);
    const linkedUuid = crypto.randomUUID();
    bench.image.write(0, encodeSuperblock({ ...superblock, incompat, linkedUuid }));
    for (const options of [{}, { force: true }]) {
      await refuses(bench.plan(options), errors.WrongPairError, words);
    }
    assert.equal((await bench.create({ format: true })).action.kind, "format");
    assert.equal(loadMetadata(bench.image).superblock.linkedUuid, "");
  }
});

Deno.test("a volatile device does not overwrite a table, and leaves no old one behind", async () => {
  const bench = new Bench();
  const features = { volatile: true };
  assert.deepEqual((await bench.create({ features })).action, { kind: "volatile", wipe: false });
  await bench.create();
  await refuses(bench.plan({ features }), errors.WrongPairError, /volatile device would overwrite/);
  await bench.create({ features, force: true });
  assert.ok(bench.image.bytes.subarray(0, 8192).every((byte) => byte === 0));
});

Deno.test("a spare without room for a slot behind the metadata is too small", async () => {
  const bench = new Bench();
  await refuses(bench.plan({ spareLength: 112n }), errors.TooSmallError, /metadata.*--volatile/);
});

/** Three sectors, as if the kernel had relocated them. */
function relocateSome({ image }: Bench, args: string): void {
  const { superblock } = loadMetadata(image);
  const slot = 4096 - 8;
  writeMetadata(image, { ...superblock, args }, [
    { first: 8, length: 3, slot, state: "remapped" },
  ]);
}
