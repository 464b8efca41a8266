// SPDX-License-Identifier: GPL-2.0-only
// A snapshot's head in JSON, there and back.
import { ImportError } from "./errors.ts";
import type { NewSnapshot, SnapshotHead } from "./types.ts";

type Json = null | boolean | number | string | bigint | undefined | {
  readonly [key: string]: Json;
};

/** All that the seal covers, and the seal. Numbers that only one store knows are left out. */
export function headFields(head: SnapshotHead): { [key: string]: Json } {
  const { device } = head;
  return {
    device: device.name,
    taken_at: head.takenAt,
    reason: head.reason,
    source: head.source,
    health: head.health,
    generation: head.generation,
    table_changes: head.tableChanges,
    entries: head.entries,
    remapped_sectors: head.remappedSectors,
    lost_sectors: head.lostSectors,
    pending_sectors: head.pendingSectors,
    bad_slots_sectors: head.badSectors,
    with_data: head.withData,
    data_bytes: head.dataBytes,
    host: head.host,
    tool_version: head.toolVersion,
    module_version: head.moduleVersion,
    digest: head.digest,
    data_digest: head.dataDigest,
    seal: head.seal,
    identity: {
      uuid: device.uuid,
      predecessor_uuid: device.predecessorUuid,
      main_id: device.mainId,
      main_path: device.mainPath,
      main_start_sectors: device.mainStart,
      length_sectors: device.mainSectors,
      main_device_sectors: device.mainDeviceSectors,
      block_sectors: device.blockSectors,
      spare_path: device.sparePath,
      spare_start_sectors: device.spareStart,
      spare_length_sectors: device.spareSectors,
      spare_device_sectors: device.spareDeviceSectors,
      args: device.args,
    },
    counters: head.counters,
  };
}

/** What {@linkcode headFields} wrote, and went through JSON. What follows from the lists is not taken. */
export function readHead(path: string, value: unknown): { snapshot: NewSnapshot; seal: string } {
  const head = new Fields(path, "snapshot", value);
  const identity = new Fields(path, "identity", head.get("identity"));
  const source = head.text("source");
  if (source !== "live" && source !== "offline") throw head.wrong("source");
  return {
    seal: head.text("seal"),
    snapshot: {
      device: {
        name: head.text("device"),
        ...identity.optional("uuid", "uuid"),
        ...identity.optional("predecessor_uuid", "predecessorUuid"),
        mainId: identity.text("main_id"),
        mainPath: identity.text("main_path"),
        mainStart: identity.count("main_start_sectors"),
        mainSectors: identity.count("length_sectors"),
        mainDeviceSectors: identity.count("main_device_sectors"),
        blockSectors: identity.count("block_sectors"),
        sparePath: identity.text("spare_path"),
        spareStart: identity.count("spare_start_sectors"),
        spareSectors: identity.count("spare_length_sectors"),
        spareDeviceSectors: identity.count("spare_device_sectors"),
        args: identity.text("args"),
      },
      takenAt: head.text("taken_at"),
      reason: head.text("reason"),
      source,
      generation: head.count("generation"),
      ...head.has("table_changes") ? { tableChanges: head.count("table_changes") } : {},
      health: head.text("health"),
      counters: new Fields(path, "counters", head.get("counters")).integers(),
      host: head.text("host"),
      toolVersion: head.text("tool_version"),
      moduleVersion: head.text("module_version"),
      withData: head.flag("with_data"),
    },
  };
}

/** One JSON object, whose fields are asked for by name. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(private readonly path: string, private readonly what: string, value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ImportError(`is no snapshot: its ${what} is no object`, { device: path });
    }
    this.#fields = value as Record<string, unknown>;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#fields, key) ? this.#fields[key] : undefined;
  }

  text(key: string): string {
    const value = this.get(key);
    if (typeof value !== "string") throw this.wrong(key);
    return value;
  }

  optional<K extends string>(key: string, as: K): Partial<Record<K, string>> {
    if (!this.has(key)) return {};
    return { [as]: this.text(key) } as Record<K, string>;
  }

  /** Above 2^53 JSON has strings. */
  count(key: string): number {
    const value = this.get(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw this.wrong(key);
    return value;
  }

  flag(key: string): boolean {
    const value = this.get(key);
    if (typeof value !== "boolean") throw this.wrong(key);
    return value;
  }

  integers(): Record<string, bigint> {
    return Object.fromEntries(
      Object.keys(this.#fields).map((key) => {
        const value = this.get(key);
        const isInteger = typeof value === "string"
          ? /^-?\d{1,40}$/.test(value)
          : Number.isSafeInteger(value);
        if (!isInteger) throw this.wrong(key);
        return [key, BigInt(value as string | number)];
      }),
    );
  }

  wrong(key: string): ImportError {
    const reason = this.has(key) ? "is not what it should be" : "is missing";
    return new ImportError(`is no snapshot of ours: ${this.what} ${key} ${reason}`, {
      device: this.path,
    });
  }
}
