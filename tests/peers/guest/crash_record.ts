// SPDX-License-Identifier: GPL-2.0-only
//
// A file system over a disk that wears out; every write and flush is recorded below the target.
import { check } from "../../../cli/selftest/check.ts";
import { Random } from "../../../cli/selftest/random.ts";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { WriteRecord } from "../../crash/rig.ts";
import { BadSectors } from "../../suite/guest/lower.ts";
import { run } from "../../suite/guest/process.ts";
import { progress } from "../../suite/guest/records.ts";
import { MAIN_SECTORS, SPARE_SECTORS, UNIT } from "../crash/layout.ts";
import { BLOCK_BYTES, contentOf, type FileOperation, planFor, WORKERS } from "../crash/plan.ts";
import { MOUNTED } from "../crash/states.ts";
import { SEED } from "../layout.ts";
import { FILE_SYSTEMS, type FileSystem } from "./file_systems.ts";
import { Remapped } from "./remapped.ts";
import type { PartContext } from "./steps.ts";

const MOUNT = "/tmp/mnt";
const BAD_BLOCKS = 500;
const LEAST_RELOCATED = 2;

async function withFile(
  path: string,
  options: Deno.OpenOptions,
  action: (file: Deno.FsFile) => Promise<void>,
): Promise<void> {
  using file = await Deno.open(path, options);
  await action(file);
  await file.sync();
}

async function writeBlocks(
  file: Deno.FsFile,
  { op, blocks }: FileOperation,
): Promise<void> {
  for (const block of blocks) {
    await file.seek(block * BLOCK_BYTES, Deno.SeekMode.Start);
    const bytes = contentOf(op, block);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  }
}

async function perform(operation: FileOperation): Promise<void> {
  const path = `${MOUNT}/${operation.file}`;
  const write = (file: Deno.FsFile) => writeBlocks(file, operation);
  if (operation.kind !== "replace") {
    const create = operation.kind === "create";
    return await withFile(path, { write: true, createNew: create }, write);
  }
  await withFile(`${path}.new`, { write: true, create: true, truncate: true }, write);
  await Deno.rename(`${path}.new`, path);
  await run("sync", MOUNT);
}

/** Something that nobody waits for: directories and small files that come and go. */
async function litter(turn: number): Promise<void> {
  const name = `${MOUNT}/litter-${turn % 3}`;
  await Deno.remove(name, { recursive: true }).catch(() => undefined);
  await Deno.mkdir(name);
  for (let i = 0; i < 5; i++) await Deno.writeFile(`${name}/${i}`, contentOf(turn, i));
}

async function work(record: WriteRecord, worker: number, count: number): Promise<void> {
  for (const operation of planFor(SEED, worker, count)) {
    const { op } = operation;
    record.mark({ type: "begin", op, kind: "write", ranges: [] });
    await perform(operation);
    record.mark({ type: "end", op, ok: true, places: [] });
    if (worker === 0) await litter(op);
    record.drain();
  }
}

async function live(dm: DeviceMapper, fs: FileSystem, operations: number): Promise<void> {
  using record = new WriteRecord("/dev/lab/record");
  const disk = await Deno.realPath("/dev/lab/images");
  await using stack = new AsyncDisposableStack();
  const layer = async (name: string, start: number, count: number, number: number) => {
    const params = `${disk} ${start} ${number}`;
    await dm.createWithTable(name, [{ start: 0n, length: BigInt(count), type: "lab_log", params }]);
    stack.defer(() => dm.remove(name, { retry: true }));
    return `/dev/mapper/${name}`;
  };
  const log = await layer("main-log", 0, MAIN_SECTORS, 0);
  const spare = await layer("spare-log", MAIN_SECTORS, SPARE_SECTORS, 1);
  const bad = stack.use(await BadSectors.create(dm, "main-bad", log, MAIN_SECTORS, "medium"));
  const remapped = stack.use(
    await Remapped.create(dm, {
      name: "crash",
      main: bad.path,
      sectors: MAIN_SECTORS,
      spare,
      spareSectors: SPARE_SECTORS,
    }),
  );
  const random = new Random(SEED);
  for (let i = 0; i < BAD_BLOCKS; i++) {
    const block = random.below(MAIN_SECTORS / UNIT);
    await bad.addFault("write", { first: block * UNIT, count: UNIT });
  }
  await fs.make(remapped.path);
  await fs.mount(remapped.path, MOUNT);
  await run("sync", "-f", MOUNT);
  record.drain();
  const before = remapped.counters().remapped;
  record.mark({ type: "begin", op: MOUNTED, kind: "create", ranges: [] });
  await Promise.all(
    Array.from({ length: WORKERS }, (_, worker) => work(record, worker, operations)),
  );
  record.mark({ type: "begin", op: MOUNTED, kind: "remove", ranges: [] });
  const { remapped: after } = remapped.counters();
  progress(`${fs.name}: ${before} sectors relocated before, ${after - before} under load`);
  check("sectors relocated under load", after - before >= LEAST_RELOCATED * UNIT, {
    expected: `${LEAST_RELOCATED * UNIT} at least`,
    seen: after - before,
  });
  await run("umount", MOUNT);
  await fs.check(remapped.path);
  remapped.checkSums();
}

export async function crashRecordPart(
  { dm, step }: PartContext,
  name: string,
  operations: number,
): Promise<void> {
  await run("insmod", Deno.env.get("DMREMAP_WRITE_LOG") ?? "lab_log.ko");
  const fs = FILE_SYSTEMS.find((each) => each.name === name);
  if (fs === undefined) throw new Error(`no file system ${name}`);
  await step(`${name}: a life that is recorded`, () => live(dm, fs, operations));
  await run("rmmod", "lab_log");
}
