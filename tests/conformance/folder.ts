// SPDX-License-Identifier: GPL-2.0-only
// A folder with everything that commands can be given on a machine without a remap device: a spare
// as an image, sound and damaged in several ways, a store with snapshots, lists, and files of
// every wrong kind.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { SECTOR_SIZE } from "../../cli/metadata/format.ts";
import { GEOMETRY, Life } from "../../cli/metadata/repair_fixture.ts";
import { runHere } from "./tool.ts";

/** What is no file that any command could want. */
export const WRONG = ["none", "folder", "empty", "byte", "sector", "page", "noise"] as const;

/** A folder for one test. */
export class Folder implements AsyncDisposable {
  #before = new Map<string, string>();

  private constructor(readonly path: string) {}

  /** Makes one like the model. */
  static async make(): Promise<Folder> {
    const folder = new Folder(await Deno.makeTempDir({ prefix: "dmremap-conformance-" }));
    await folder.restore();
    return folder;
  }

  readonly at = (name: string): string => join(this.path, name);

  /** Everything as it was at first. */
  async restore(): Promise<void> {
    for await (const { name } of Deno.readDir(this.path)) {
      await Deno.remove(this.at(name), { recursive: true });
    }
    await copyTree(await model(), this.path);
    await makeHeaders(this);
    this.remember();
  }

  /** From now on {@linkcode changes} are those that come after this. */
  remember(): void {
    this.#before = snapshotOf(this.path);
  }

  /** The names of files that are new, gone, or not what they were. */
  changes(): string[] {
    const now = snapshotOf(this.path);
    const names = new Set([...this.#before.keys(), ...now.keys()]);
    return [...names].filter((name) => this.#before.get(name) !== now.get(name)).sort();
  }

  /** Files that somebody has left who wanted to take them away. */
  leftovers(): string[] {
    return [...snapshotOf(this.path).keys()].filter((name) =>
      /(\.tmp|\.part|\.partial|-wal|-shm|-journal|\.new|\.dmremap-new|[0-9a-f]{8}-[0-9a-f-]{27})$/
        .test(name)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Headers whose build does nothing: the module is a word. */
async function makeHeaders(folder: Folder): Promise<void> {
  await Deno.mkdir(folder.at("headers"));
  await Deno.writeTextFile(
    folder.at("headers/Makefile"),
    "modules:\n\t@echo module >$(M)/dm-remap.ko\n",
  );
}

let made: Promise<string> | undefined;

/** Made once for all folders of a test file; taken away when it ends. */
function model(): Promise<string> {
  return made ??= makeModel();
}

async function makeModel(): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: "dmremap-conformance-model-" });
  addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  const at = (name: string) => join(path, name);
  writeSpares(at);
  const sizes = { empty: 0, byte: 1, sector: 511, page: 4096, blank: 4 * 1024 * 1024 };
  for (const [name, bytes] of Object.entries(sizes)) {
    await Deno.writeFile(at(name), new Uint8Array(bytes));
  }
  await Deno.writeFile(at("noise"), noise(65536));
  await Deno.mkdir(at("folder"));
  await Deno.writeTextFile(at("blocks.txt"), "10\n11\n");
  await Deno.writeFile(at("main"), new Uint8Array());
  await Deno.truncate(at("main"), GEOMETRY.mainDeviceSectors * SECTOR_SIZE);

  const store = ["--store", at("store")];
  const done = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHere(args);
    if (code !== 0 && code !== 3) throw new Error(`${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  await done("snapshot", "take", "--offline", at("good"), "--with-data", ...store);
  await done("snapshot", "take", "--offline", at("older"), "--reason", "another", ...store);
  await done("snapshot", "export", "1", at("snapshot.json"), ...store);
  await Deno.writeTextFile(at("table.txt"), await done("meta", "dump", at("good")));
  return path;
}

/** `good`, and what may become of it. */
function writeSpares(at: (name: string) => string): void {
  const life = new Life();
  for (const first of [100, 101, 200]) {
    const slot = life.freeSlot();
    life.image.write(slot * SECTOR_SIZE, new Uint8Array(SECTOR_SIZE).fill(first));
    life.commit({ first, length: 1, slot, state: "remapped" });
  }
  Deno.writeFileSync(at("older"), life.image.bytes);
  life.checkpoint();
  life.commit({ first: 300, length: 4, slot: 0, state: "pending" });
  Deno.writeFileSync(at("good"), life.image.bytes);
  Deno.writeFileSync(at("cut"), life.image.bytes.subarray(0, 3 * 4096 + 100));
  life.damage(0);
  Deno.writeFileSync(at("one-broken"), life.image.bytes);
  life.damage(1);
  Deno.writeFileSync(at("both-broken"), life.image.bytes);
  for (const copy of [0, 1]) life.damage(copy, "zero");
  Deno.writeFileSync(at("headless"), life.image.bytes);
}

/** Bytes that are the same in each run, and nothing in particular. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = 12345;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

async function copyTree(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const target = join(to, name);
    if (isDirectory) await Deno.mkdir(target);
    // Nothing but its length is looked at, and it is long.
    else if (name === "main") {
      await Deno.writeFile(target, new Uint8Array());
      await Deno.truncate(target, (await Deno.stat(join(from, name))).size);
    } else await Deno.copyFile(join(from, name), target);
  }
}

/** What can be told of each file; long ones, of which only the length is looked at, are not read. */
function snapshotOf(root: string, below = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(join(root, below))) {
    // SQLite's own, of which whoever only reads leaves an empty one.
    if (/^store-(wal|shm)$/.test(name)) continue;
    const path = join(below, name);
    if (isDirectory) {
      found.set(`${path}/`, "");
      for (const each of snapshotOf(root, path)) found.set(...each);
    } else found.set(path, contentOf(join(root, path)));
  }
  return found;
}

const known = new Map<string, string>();

/** Read again only if the file was touched. */
function contentOf(path: string): string {
  const { size, ino, mtime, ctime } = Deno.lstatSync(path);
  const key = `${path} ${size} ${ino} ${mtime?.getTime()} ${ctime?.getTime()}`;
  const digest = known.get(key) ??
    (size > 16_000_000 ? "" : createHash("sha1").update(Deno.readFileSync(path)).digest("hex"));
  known.set(key, digest);
  return `${size} ${digest}`;
}
