// SPDX-License-Identifier: GPL-2.0-only
// A machine made of maps, for the tests of this folder.
import { SystemError } from "../../ffi/errors.ts";
import type { Signature } from "../../ffi/libblkid.ts";
import type { ByteRange, NodeStat, System } from "./system.ts";

/** A disk or a partition to put into a {@linkcode FakeSystem}. */
export interface FakeDisk {
  readonly number: string;
  readonly sectors?: bigint;
  readonly blockSize?: number;
  readonly readOnly?: boolean;
  readonly partitions?: readonly FakePartition[];
  /** Names of the devices on top, each added as a disk of its own. */
  readonly holders?: readonly string[];
  readonly dmName?: string;
  /** More files of its folder in sysfs, such as `serial` or `device/wwid`. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface FakePartition {
  readonly name: string;
  readonly number: string;
  readonly start: bigint;
  readonly sectors: bigint;
  readonly holders?: readonly string[];
}

/** A machine of which tests say what it has. */
export class FakeSystem implements System {
  readonly files = new Map<string, string>();
  readonly nodes = new Map<string, NodeStat | "EACCES">();
  readonly links = new Map<string, string>();
  readonly busy = new Set<string>();
  readonly signatures = new Map<string, Signature | SystemError>();
  readonly partitionUuids = new Map<string, string>();
  readonly probed: string[] = [];
  readonly #numbers = new Map<string, string>();

  disk(name: string, disk: FakeDisk): this {
    const directory = `/sys/devices/${name}`;
    this.#device(name, disk.number, directory, disk.sectors ?? 2048n);
    this.files.set(`${directory}/queue/logical_block_size`, `${disk.blockSize ?? 512}`);
    this.files.set(`${directory}/ro`, disk.readOnly === true ? "1" : "0");
    if (disk.dmName !== undefined) this.files.set(`${directory}/dm/name`, disk.dmName);
    for (const [name, value] of Object.entries(disk.attributes ?? {})) {
      this.files.set(`${directory}/${name}`, value);
    }
    this.#hold(directory, disk.holders ?? []);
    for (const [index, partition] of (disk.partitions ?? []).entries()) {
      this.files.set(`${directory}/${partition.name}/partition`, `${index + 1}`);
    }
    for (const partition of disk.partitions ?? []) {
      const below = `${directory}/${partition.name}`;
      this.#device(partition.name, partition.number, below, partition.sectors);
      this.files.set(`${below}/start`, `${partition.start}`);
      this.#hold(below, partition.holders ?? []);
    }
    return this;
  }

  mounts(lines: readonly string[]): this {
    this.files.set("/proc/self/mountinfo", lines.join("\n"));
    return this;
  }

  swaps(paths: readonly string[]): this {
    const lines = paths.map((path) => `${path} partition 1024 0 -2`);
    this.files.set("/proc/swaps", ["Filename Type Size Used Priority", ...lines].join("\n"));
    return this;
  }

  #device(name: string, number: string, directory: string, sectors: bigint): void {
    const [major, minor] = number.split(":").map(Number) as [number, number];
    this.#numbers.set(name, number);
    this.nodes.set(`/dev/${name}`, { kind: "block", major, minor });
    this.links.set(`/sys/dev/block/${number}`, directory);
    this.files.set(`/sys/class/block/${name}/dev`, number);
    this.files.set(`${directory}/size`, `${sectors}`);
    this.files.set(`${directory}/dev`, number);
  }

  /** Holders have to be added before what they hold. */
  #hold(directory: string, holders: readonly string[]): void {
    for (const name of holders) {
      this.files.set(`${directory}/holders/${name}/dev`, this.#numbers.get(name) ?? "0:0");
    }
  }

  #resolve(path: string): string {
    for (const [link, target] of this.links) {
      if (path === link || path.startsWith(`${link}/`)) return target + path.slice(link.length);
    }
    return path;
  }

  stat(path: string): NodeStat | undefined {
    const node = this.nodes.get(path);
    if (node === "EACCES") throw new SystemError("stat", path, 13);
    return node;
  }

  read(path: string): string | undefined {
    return this.files.get(this.#resolve(path));
  }

  list(path: string): string[] {
    const prefix = `${this.#resolve(path)}/`;
    const names = [...this.files.keys()].filter((file) => file.startsWith(prefix))
      .map((file) => file.slice(prefix.length).split("/")[0]!);
    return [...new Set(names)].sort();
  }

  realPath(path: string): string | undefined {
    return this.#resolve(path);
  }

  claim(path: string): number {
    return this.busy.has(path) ? 16 : 0;
  }

  partitionUuid(path: string): string | undefined {
    return this.partitionUuids.get(path);
  }

  probe(path: string, range?: ByteRange): Signature | undefined {
    const key = range === undefined ? path : `${path}@${range.offset}+${range.length}`;
    this.probed.push(key);
    const found = this.signatures.get(key);
    if (found instanceof SystemError) throw found;
    return found;
  }
}
