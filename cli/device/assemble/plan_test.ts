// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { SystemError } from "../../../ffi/errors.ts";
import { BLOCK_SIZE } from "../../metadata/format.ts";
import { MemoryImage } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { encodeSuperblock } from "../../metadata/superblock.ts";
import { formatMetadata, writeMetadata } from "../../metadata/write.ts";
import { describeProblem } from "../../output/problem.ts";
import * as errors from "../errors.ts";
import { type FakeDisk, FakeSystem } from "../fake_system.ts";
import type { OpenSpare } from "../spare/content.ts";
import { prepareSpare } from "../spare/prepare.ts";
import { parseTable } from "../table_line.ts";
import type { ActiveDevice } from "./active.ts";
import { SPARES_FILE } from "./places.ts";
import { Assembler } from "./plan.ts";

const UUID = "11111111-2222-4333-8444-555555555555";

/** Disks by name, and what lies on them. */
class Machine {
  readonly system = new FakeSystem();
  readonly images = new Map<string, MemoryImage>();
  readonly opened: string[] = [];
  #minor = 0;

  disk(name: string, serial?: string, disk: Partial<FakeDisk> = {}): this {
    this.system.disk(name, {
      number: `8:${16 * this.#minor++}`,
      sectors: 4096n,
      ...serial === undefined ? {} : { attributes: { serial } },
      ...disk,
    });
    return this;
  }

  /** A table of three relocated sectors. */
  spare(name: string, mainId: string, label = "r0", uuid = UUID, start = 0): this {
    const image = new MemoryImage(4096 * 512);
    this.images.set(`/dev/${name}@${start}`, image);
    const sizes = { mainStart: 0, mainSectors: 4096, mainDeviceSectors: 4096 };
    const range = { spareStart: start, spareSectors: 2048, spareDeviceSectors: 4096 };
    formatMetadata(image, { blockSectors: 1, ...sizes, ...range }, { name: label, mainId, uuid });
    const { superblock } = loadMetadata(image);
    writeMetadata(image, { ...superblock, args: "2 max_remaps 9" }, [
      { first: 8, length: 3, slot: 2040, state: "remapped" },
    ]);
    return this;
  }

  /** As after a migration from the set of that UUID; or in the middle of one. */
  link(
    name: string,
    linkedUuid: string,
    incompat = 0,
    linkedGeneration = 2,
    compat = 0,
  ): void {
    const image = this.images.get(`/dev/${name}@0`)!;
    const { superblock } = loadMetadata(image);
    for (const copy of [0, 1]) {
      const sequence = superblock.sequence + copy;
      const block = encodeSuperblock({
        ...superblock,
        sequence,
        linkedUuid,
        linkedGeneration,
        incompat,
        compat,
      });
      image.write(copy * BLOCK_SIZE, block);
    }
  }

  assembler(active: readonly ActiveDevice[] = []): Assembler {
    return new Assembler(this.system, this.#open, active);
  }

  readonly #open: OpenSpare = (path, { startSectors, write }) => {
    assert.notEqual(write, true);
    this.opened.push(path);
    return this.images.get(`${path}@${startSectors}`) ?? new MemoryImage(8192);
  };
}

function refuses(action: () => unknown, Kind: new (...args: never[]) => Error, words: RegExp) {
  assert.throws(action, (error) => {
    assert.ok(error instanceof Kind, `${error}`);
    assert.match(error.message, words);
    return true;
  });
}

const pair = () => new Machine().disk("sda", "MAIN").disk("sdb", "S").spare("sdb", "serial:MAIN");

Deno.test("a pair finds itself, whatever the disks are called", () => {
  for (const names of [["sda", "sdb"], ["sdb", "sda"]] as const) {
    const machine = new Machine().disk(names[0], "MAIN").disk(names[1], "S")
      .spare(names[1], "serial:MAIN");
    const { line, name, uuid, action } = machine.assembler().one("r0");
    assert.equal(line, "0 4096 remap 8:0 0 8:16 0 2048 2 max_remaps 9");
    assert.deepEqual([name, uuid, action.kind], ["r0", `DMREMAP-${UUID}`, "activate"]);
    const [found, ...others] = machine.assembler().all();
    assert.ok(found !== undefined && "plan" in found && found.plan.line === line);
    assert.deepEqual(others, []);
  }
});

Deno.test("nothing is found where nothing is, and empty or held devices are not looked at", () => {
  const machine = new Machine().disk("loop0", undefined, { sectors: 0n }).disk("sda", "MAIN");
  machine.disk("sdb", "S", { holders: ["sda"] }).spare("sdb", "serial:MAIN");
  assert.deepEqual(machine.assembler().all(), []);
  assert.deepEqual([...new Set(machine.opened)], ["/dev/sda"]);
  refuses(() => machine.assembler().one("r0"), errors.DeviceNotFoundError, /no spare/);
});

Deno.test("a missing main, and one that is there twice", () => {
  const missing = new Machine().disk("sdb", "S").spare("sdb", "serial:MAIN");
  refuses(
    () => missing.assembler().one("r0"),
    errors.DeviceNotFoundError,
    /serial:MAIN.*not there/,
  );
  const twice = pair().disk("sdc", "MAIN");
  refuses(() => twice.assembler().one("r0"), errors.AmbiguousError, /\/dev\/sda, \/dev\/sdc/);
  const { main } = twice.assembler().one("r0", { main: "/dev/sdc" });
  assert.equal(main.path, "/dev/sdc");
});

Deno.test("a main that is named has to be the right one", () => {
  const machine = pair().disk("sdc", "OTHER").disk("sdd");
  const one = (main: string) => () => machine.assembler().one("r0", { main });
  refuses(one("/dev/sdc"), errors.WrongPairError, /is serial:OTHER.*belongs to serial:MAIN/);
  refuses(one("/dev/sdd"), errors.WrongPairError, /has no identity/);
});

Deno.test("force takes another main of the same size, and has its identity written down", () => {
  const machine = pair().disk("sdc", "OTHER").disk("sdd", "BIG", { sectors: 8192n });
  const plan = machine.assembler().one("r0", { main: "/dev/sdc", force: true });
  assert.match(plan.warnings.join(), /\/dev\/sdc is serial:OTHER, but .*serial:MAIN/);
  prepareSpare(plan, (path) => machine.images.get(`${path}@0`)!);
  const { superblock, extents } = loadMetadata(machine.images.get("/dev/sdb@0")!);
  assert.deepEqual([superblock.mainId, superblock.uuid, superblock.args, [...extents()].length], [
    ...["serial:OTHER", UUID, "2 max_remaps 9"],
    1,
  ]);
  assert.equal(machine.assembler().one("r0").main.path, "/dev/sdc");
  const big = () => machine.assembler().one("r0", { main: "/dev/sdd", force: true });
  refuses(big, errors.WrongPairError, /main device of 4096 sectors, not 8192/);
  const right = machine.assembler().one("r0", { main: "/dev/sdc", force: true });
  assert.ok(right.action.kind === "activate" && right.action.relabel === undefined);
});

Deno.test("devices of another size are refused", () => {
  const machine = new Machine().disk("sda", "MAIN", { sectors: 8192n }).disk("sdb", "S")
    .spare("sdb", "serial:MAIN");
  refuses(() => machine.assembler().one("r0"), errors.WrongPairError, /main device of 4096.*8192/);
  const coarse = new Machine().disk("sda", "MAIN", { blockSize: 4096 }).disk("sdb", "S")
    .spare("sdb", "serial:MAIN");
  refuses(() => coarse.assembler().one("r0"), errors.WrongPairError, /logical blocks of 1/);
});

Deno.test("two copies of a table, and two tables of one name", () => {
  const copies = pair().disk("sdc", "COPY").spare("sdc", "serial:MAIN");
  refuses(() => copies.assembler().one("r0"), errors.AmbiguousError, /same table: .*sdb.*sdc/);
  for (const found of copies.assembler().all()) assert.ok("error" in found);
  assert.equal(copies.assembler().one("r0", { spare: "/dev/sdc" }).spare.path, "/dev/sdc");
  const names = pair().disk("sdc", "S2").spare("sdc", "serial:MAIN", "r0", UUID.replace("1", "7"));
  refuses(() => names.assembler().one("r0"), errors.AmbiguousError, /table of that name/);
  assert.equal(names.assembler().one("r9", { spare: "/dev/sdc" }).name, "r9");
});

Deno.test("of two spares of one main, the one that took over from the other is taken", () => {
  const heir = UUID.replace("1", "9");
  const machine = pair().disk("sdc", "S2").spare("sdc", "serial:MAIN", "r0", heir);
  machine.link("sdc", UUID);
  assert.equal(machine.assembler().one("r0").spare.node, "/dev/sdc");
  const all = machine.assembler().all();
  assert.deepEqual(all.map((each) => [each.name, "plan" in each, "skipped" in each]), [
    ["r0", false, true],
    ["r0", true, false],
  ]);
  assert.match(JSON.stringify(all[0]), /moved to \/dev\/sdc: what is on it is old/);
  const named = () => machine.assembler().one("r0", { spare: "/dev/sdb" });
  refuses(named, errors.WrongPairError, /moved to \/dev\/sdc/);
  for (const block of layoutOf(2048, 1).checkpointStart) {
    machine.images.get("/dev/sdc@0")?.write(block * BLOCK_SIZE, new Uint8Array([1, 2, 3]));
  }
  refuses(() => machine.assembler().one("r0"), errors.MetadataDamagedError, /\/dev\/sdc/);
});

Deno.test("a spare that went on after the switch was given up is taken, the newer one is not", () => {
  const heir = UUID.replace("1", "9");
  const machine = pair().disk("sdc", "S2").spare("sdc", "serial:MAIN", "r0", heir);
  machine.link("sdc", UUID, 0, 1);
  assert.equal(machine.assembler().one("r0").spare.node, "/dev/sdb");
  const [old, newer] = machine.assembler().all();
  assert.ok(old !== undefined && "plan" in old && newer !== undefined && "skipped" in newer);
  assert.match(newer.skipped, /\/dev\/sdb went on after a migration/);
});

Deno.test("a spare that was not told of the switch does not take it for its own", () => {
  const heir = UUID.replace("1", "9");
  for (const [generation, taken] of [[2, "/dev/sdc"], [1, "/dev/sdb"]] as const) {
    const machine = pair().disk("sdc", "S2").spare("sdc", "serial:MAIN", "r0", heir);
    machine.link("sdb", heir, 0, 0, 1);
    machine.link("sdc", UUID, 0, generation);
    assert.equal(machine.assembler().one("r0").spare.node, taken);
  }
});

Deno.test("a spare whose heir is in use is left where it is", () => {
  const machine = pair().disk("sdd", "X").disk("sdc", "S2", { holders: ["sdd"] })
    .spare("sdc", "serial:MAIN", "r0", UUID.replace("1", "9"));
  machine.link("sdc", UUID);
  const line = "0 4096 remap 8:0 0 8:48 0 2048";
  const [found] = machine.assembler([{ name: "r0", table: parseTable(line) }]).all();
  assert.ok(found !== undefined && "skipped" in found);
});

Deno.test("what a migration has not filled, or has left, is said and skipped", () => {
  const other = UUID.replace("1", "9");
  for (
    const [incompat, words] of [[1, /was not finished/], [2, /has moved to .*91111111/]] as const
  ) {
    const machine = pair();
    machine.link("sdb", other, incompat);
    const [found, ...rest] = machine.assembler().all();
    assert.ok(found !== undefined && "skipped" in found);
    assert.match(found.skipped, words);
    assert.deepEqual(rest, []);
    refuses(() => machine.assembler().one("r0"), errors.WrongPairError, words);
    const named = () => machine.assembler().one("r0", { spare: "/dev/sdb" });
    refuses(named, errors.WrongPairError, words);
    machine.disk("sdc", "S2").spare("sdc", "serial:MAIN", "r0", other);
    assert.equal(machine.assembler().one("r0").spare.node, "/dev/sdc");
  }
});

Deno.test("one that cannot be activated does not keep the others", () => {
  const machine = pair().disk("sdc", "S2").spare(
    "sdc",
    "serial:GONE",
    "r1",
    UUID.replace("1", "7"),
  );
  machine.disk("sdd", "S3").spare("sdd", "serial:MAIN", "", UUID.replace("1", "8"));
  const found = machine.assembler().all();
  assert.deepEqual(found.map((each) => [each.name, "plan" in each]), [
    ["r0", true],
    ["r1", false],
    ["", false],
  ]);
});

Deno.test("damaged metadata is not activated, and has an exit code of its own", () => {
  const machine = pair();
  const image = machine.images.get("/dev/sdb@0");
  image?.write(200, new Uint8Array([9]));
  image?.write(4096 + 200, new Uint8Array([9]));
  const [found] = machine.assembler().all();
  assert.ok(found !== undefined && "error" in found);
  const { code, exitCode, cure } = describeProblem(found.error);
  assert.deepEqual([code, exitCode], ["metadata-damaged", 4]);
  assert.match(cure ?? "", /meta check \/dev\/sdb.*meta repair/);
  refuses(() => machine.assembler().one("r0"), errors.MetadataDamagedError, /of r0, maybe/);
});

Deno.test("what is written on a disk is not believed, and not shown to a terminal as it is", () => {
  for (const label of ["a/b", "../x", "a b", "\x1b[2Jr0"]) {
    const machine = new Machine().disk("sda", "MAIN").disk("sdb", "S")
      .spare("sdb", "serial:MAIN", label);
    const [found] = machine.assembler().all();
    assert.ok(found !== undefined && "error" in found, label);
    assert.match(`${found.name}${found.error}`, /^[\x20-\x7e]*cannot be that of a device/);
    assert.equal(machine.assembler().one("r0", { spare: "/dev/sdb" }).name, "r0");
  }
  const machine = new Machine().disk("sda", "M").disk("sdb", "S").spare("sdb", "serial:\x1b[2J");
  refuses(() => machine.assembler().one("r0"), errors.DeviceNotFoundError, /serial:\?\[2J/);
});

Deno.test("a table without an identity wants its main named", () => {
  const machine = new Machine().disk("sda", "MAIN").disk("sdb", "S").spare("sdb", "");
  refuses(() => machine.assembler().one("r0"), errors.RefusedError, /does not say which main/);
  const { warnings } = machine.assembler().one("r0", { main: "/dev/sda" });
  assert.match(warnings.join(), /does not say which main/);
});

Deno.test("a main in use is busy", () => {
  const machine = pair();
  machine.system.mounts(["30 1 8:0 / /mnt rw - ext4 /dev/sda rw"]);
  refuses(() => machine.assembler().one("r0"), errors.MountedError, /\/mnt/);
});

Deno.test("spares in the middle of devices are found by the file", () => {
  const machine = new Machine().disk("sda", "MAIN").disk("sdb", "S")
    .spare("sdb", "serial:MAIN", "r0", UUID, 2048);
  refuses(() => machine.assembler().one("r0"), errors.DeviceNotFoundError, /no spare/);
  machine.system.files.set(SPARES_FILE, "# tail\n/dev/sdb 2048 # spare\nnonsense\n/dev/gone 8\n");
  const assembler = machine.assembler();
  assert.equal(assembler.one("r0").line, "0 4096 remap 8:0 0 8:16 2048 2048 2 max_remaps 9");
  assert.match(assembler.remarks.join("\n"), /nonsense\n.*\/dev\/gone/);
  const options = { spare: "/dev/sdb", spareStart: 2048n };
  assert.equal(machine.assembler().one("r0", options).name, "r0");
  refuses(
    () => machine.assembler().one("r0", { spare: "/dev/sdb" }),
    errors.WrongPairError,
    /--spare-start/,
  );
});

Deno.test("a device that cannot be read is a remark, not the end", () => {
  const machine = pair();
  const broken = new Assembler(machine.system, (path, options) => {
    if (path === "/dev/sda") throw new SystemError("open", path, 123);
    return machine.images.get(`${path}@${options.startSectors}`) ?? new MemoryImage(8192);
  });
  assert.equal(broken.one("r0").spare.node, "/dev/sdb");
  assert.match(broken.remarks.join(), /\/dev\/sda.*cannot be read/);
});
