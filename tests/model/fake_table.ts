// SPDX-License-Identifier: GPL-2.0-only
//
// The fake target's table and what it does with single sectors.
import type { Place } from "../../cli/device/messages.ts";
import type { Extent } from "../../cli/metadata/extent.ts";
import type { Defect } from "./defects.ts";
import { type Access, FakeDisk } from "./fake_disk.ts";
import type { Geometry } from "./model.ts";
import { SECTOR_BYTES } from "./stamps.ts";

interface Entry {
  slot: number;
  lost: boolean;
  /** The slot could not be read the last time. */
  unreadable: boolean;
  automatic: boolean;
}

type CounterName =
  | "remapped"
  | "lost"
  | "pending"
  | "used"
  | "bad"
  | "auto_remaps"
  | "manual_remaps"
  | "unmapped"
  | "read_errors"
  | "write_errors";

const ERRNO: Record<Access, string | undefined> = {
  ok: undefined,
  medium: "EIO",
  way: "ENOLINK",
};
/** Tries before a sector counts as bad. */
const TRIES = 2;

export class FakeTable {
  readonly main: FakeDisk;
  spare: FakeDisk;
  readonly #entries = new Map<number, Entry>();
  readonly #pending = new Set<number>();
  readonly #used = new Set<number>();
  readonly #bad = new Set<number>();
  #automatic = 0;
  #manual = 0;
  #unmapped = 0;
  #readErrors = 0;
  #writeErrors = 0;

  constructor(
    private readonly geometry: Geometry,
    main: Uint8Array,
    spare: Uint8Array,
    private readonly defect?: Defect,
  ) {
    this.main = new FakeDisk(main);
    this.spare = new FakeDisk(spare);
  }

  /** As if the target had been removed and made again. */
  restart(): void {
    const volatile = this.geometry.spareRange === undefined;
    if (volatile || this.defect === "start forgets") {
      this.#entries.clear();
      this.#used.clear();
    }
    if (volatile || this.defect === "start forgets what is pending") this.#pending.clear();
    if (volatile || this.defect === "start forgets bad slots") this.#bad.clear();
    if (this.defect === "start forgets what is lost") {
      for (const entry of this.#entries.values()) entry.lost = false;
    }
    this.#automatic = this.#manual = this.#unmapped = 0;
    this.#readErrors = this.#writeErrors = 0;
  }

  reload(): void {
    if (this.defect === "reload forgets what is pending") this.#pending.clear();
    if (this.defect !== "reload forgets") return;
    this.#entries.clear();
    this.#used.clear();
  }

  /** Reads its metadata again. */
  restore(): void {
    const [first] = this.#entries.keys();
    if (this.defect !== "restore loses an entry" || first === undefined) return;
    this.#used.delete(this.#entries.get(first)!.slot);
    this.#entries.delete(first);
  }

  /** To another spare, from the last slot downwards. */
  migrate(old = this.spare): void {
    this.spare = new FakeDisk(new Uint8Array(old.bytes.length).fill(0xa5));
    let slot = this.geometry.spareStart + this.geometry.slots;
    this.#used.clear();
    for (const entry of this.#entries.values()) {
      this.#used.add(--slot);
      const read = entry.lost ? "ok" : this.#tryRead(old, entry.slot);
      const defect = slot % 4 === 0 ? this.defect : undefined;
      const from = defect === "migration leaves a sector behind" ? this.spare : old;
      this.spare.at(slot).set(from.at(entry.slot));
      entry.lost = entry.lost || read !== "ok" || defect === "migration loses a sector";
      if (this.defect === "migration revives what is lost") entry.lost = false;
      entry.unreadable = false;
      entry.slot = slot;
    }
    if (this.defect !== "migration brings bad slots along") this.#bad.clear();
  }

  /** As its metadata has it. */
  extents(): Extent[] {
    const unreadable = this.defect === "metadata takes unreadable slots for lost"
      ? "lost"
      : "unreadable";
    const relocated = [...this.#entries].map(([first, entry]) => {
      const state = entry.lost ? "lost" : entry.unreadable ? unreadable : "remapped";
      return { first, length: 1, slot: entry.slot, state } as const;
    });
    const pending = [...this.#pending].map((first) =>
      ({ first, length: 1, slot: 0, state: "pending" }) as const
    );
    const bad = [...this.#bad].map((slot) =>
      ({ first: 0, length: 1, slot, state: "bad" }) as const
    );
    const all = [...relocated, ...pending, ...bad];
    return this.defect === "metadata misses a change" ? all.slice(1) : all;
  }

  numbers(): Readonly<Record<CounterName, number>> {
    const lost = [...this.#entries.values()].filter((entry) => entry.lost || entry.unreadable);
    return {
      remapped: this.#entries.size,
      lost: lost.length + this.#pending.size,
      pending: this.#pending.size,
      used: this.#entries.size + this.#bad.size,
      bad: this.#bad.size,
      auto_remaps: this.#automatic,
      manual_remaps: this.#manual,
      unmapped: this.#unmapped,
      read_errors: this.#readErrors,
      write_errors: this.#writeErrors,
    };
  }

  place(sector: number): Place {
    const where = { sector: BigInt(sector), count: 1n };
    const entry = this.#entries.get(sector);
    if (entry === undefined) {
      return { ...where, place: this.#pending.has(sector) ? "pending" : "main" };
    }
    const lost = entry.lost || entry.unreadable;
    return { ...where, place: lost ? "lost" : "remapped", spareSector: BigInt(entry.slot) };
  }

  /** Is it on main, which refuses to write it? */
  isBad(sector: number): boolean {
    return !this.#entries.has(sector) && !this.main.faults.isWritable(sector);
  }

  #limited(): boolean {
    const limit = this.geometry.maxRemaps || Infinity;
    return this.#entries.size >= limit && this.defect !== "limit is ignored";
  }

  #freeSlot(): number | undefined {
    const { spareStart, slots } = this.geometry;
    const beyond = this.defect === "slot out of range" ? 1 : 0;
    for (let slot = spareStart + beyond; slot < spareStart + slots + beyond; slot++) {
      if (this.#used.has(slot) && this.defect !== "slot used twice") continue;
      if (!this.#bad.has(slot)) return slot;
    }
    return undefined;
  }

  /** Puts data on a slot; those that refuse are bad from now on. */
  #toSlot(data: Uint8Array | undefined): number | Access | "full" {
    for (;;) {
      const slot = this.#freeSlot();
      if (slot === undefined) return "full";
      const access = data === undefined ? "ok" : this.spare.write(slot, data);
      if (access === "ok") {
        this.#used.add(slot);
        return slot;
      }
      if (access === "way" && this.defect !== "dead spare spoils slots") return "way";
      this.#bad.add(slot);
      if (access === "way") return "way";
    }
  }

  /** Relocates what is being written, if that may be. */
  #relocate(sector: number, data: Uint8Array): boolean {
    const { rules } = this.geometry;
    if (rules.passive === true && this.defect !== "passive target relocates") return false;
    if (this.#limited()) return false;
    const slot = this.#toSlot(data);
    if (typeof slot !== "number") return false;
    this.#entries.set(sector, { slot, lost: false, unreadable: false, automatic: true });
    this.#pending.delete(sector);
    if (this.defect !== "automatic relocation is not counted") this.#automatic++;
    return true;
  }

  /** For the defect that moves what need not move. */
  leaveMain(sector: number, data: Uint8Array): void {
    if (!this.#entries.has(sector)) this.#relocate(sector, data);
  }

  #replaceSlot(entry: Entry, data: Uint8Array): boolean {
    if (this.geometry.rules.passive === true || this.defect === "bad slot is kept") return false;
    const slot = this.#toSlot(data);
    if (typeof slot !== "number") return false;
    this.#used.delete(entry.slot);
    if (this.defect !== "bad slot is free again") this.#bad.add(entry.slot);
    Object.assign(entry, { slot, lost: false, unreadable: false });
    this.#automatic++;
    return true;
  }

  write(sector: number, data: Uint8Array): string | undefined {
    const entry = this.#entries.get(sector);
    if (entry === undefined || this.defect === "write goes to main") {
      return this.#writeMain(sector, data);
    }
    const again = this.defect === "unreadable slot is written again";
    const troubled = entry.unreadable && !again;
    const leaves = this.geometry.rules.verifiesPending !== true;
    if (troubled && leaves && this.#replaceSlot(entry, data)) return undefined;
    let access = this.#counted(this.spare.write(entry.slot, data));
    if (access === "ok" && troubled) access = this.spare.read(entry.slot);
    if (access === "ok") {
      entry.lost = entry.unreadable = false;
      return undefined;
    }
    if (access === "medium" && this.#replaceSlot(entry, data)) return undefined;
    return this.defect === "write error is swallowed" ? undefined : ERRNO[access];
  }

  #writeMain(sector: number, data: Uint8Array): string | undefined {
    const pending = this.#pending.has(sector);
    const { rules } = this.geometry;
    const inPlace = this.defect === "pending is written in place";
    const leaves = rules.verifiesPending !== true || this.defect === "pending always leaves main";
    if (pending && leaves && !inPlace && this.#relocate(sector, data)) return undefined;
    let access = this.#counted(this.main.write(sector, data));
    if (access === "ok" && pending && this.defect !== "pending is not read back" && !inPlace) {
      access = this.main.read(sector);
    }
    if (access === "ok") {
      this.#pending.delete(sector);
      return undefined;
    }
    const blamed = access === "medium" || this.defect === "dead main takes slots";
    if (blamed && this.#relocate(sector, data)) return undefined;
    const swallowed = this.defect === "write error is swallowed" ||
      (this.defect === "full spare swallows the error" && blamed);
    return swallowed ? undefined : ERRNO[access];
  }

  #counted(access: Access): Access {
    if (access === "medium" && this.defect !== "error is not counted") this.#writeErrors++;
    return access;
  }

  #tryRead(disk: FakeDisk, sector: number): Access {
    let access: Access = "medium";
    for (let i = 0; i < TRIES && access === "medium"; i++) access = disk.read(sector);
    return access;
  }

  read(sector: number, data: Uint8Array): string | undefined {
    const entry = this.#entries.get(sector);
    const stale = this.defect === "read comes from main" ||
      (this.defect === "stale after an automatic relocation" && entry?.automatic === true);
    if (entry === undefined || stale) return this.#readMain(sector, data, entry === undefined);
    if (entry.lost && this.defect === "lost returns zeros") return undefined;
    if (entry.lost && this.defect === "lost returns main") {
      data.set(this.main.at(sector));
      return undefined;
    }
    if (entry.lost && this.defect !== "lost returns the slot") return "EIO";
    const access = this.#tryRead(this.spare, entry.slot);
    if (access === "medium") {
      entry.unreadable = true;
      this.#readErrors++;
    }
    if (access === "ok") {
      entry.unreadable = entry.unreadable && this.defect === "unreadable slot stays lost";
    }
    data.set(this.spare.at(entry.slot));
    return ERRNO[access];
  }

  #readMain(sector: number, data: Uint8Array, own: boolean): string | undefined {
    const before = this.#entries.get(sector - 1);
    if (this.defect === "read is cut off by one" && before !== undefined && own) {
      data.set(this.spare.at(before.slot));
      return undefined;
    }
    const first = this.main.read(sector);
    const access = first === "medium" ? this.#tryRead(this.main, sector) : first;
    if (access === "ok") {
      data.set(this.main.at(sector));
      const weak = !this.#pending.has(sector);
      if (this.defect !== "good read leaves it pending") this.#pending.delete(sector);
      if (weak && first !== "ok" && own && this.geometry.rules.proactive === true) {
        const copied = this.defect !== "weak sector is not copied";
        this.#relocate(sector, copied ? data : new Uint8Array(SECTOR_BYTES));
      }
      return undefined;
    }
    if (access === "medium") this.#readErrors++;
    const noted = access === "medium" || this.defect === "transport error is pending";
    if (noted && own && this.defect !== "pending is not noted") this.#pending.add(sector);
    if (noted && this.defect === "read error takes a slot") this.#relocate(sector, data);
    return this.defect === "failed read gives zeros" ? undefined : ERRNO[access];
  }

  discard(sector: number): void {
    const entry = this.#entries.get(sector);
    if (entry?.lost === true) return;
    if (entry === undefined) this.main.at(sector).fill(0);
    else this.spare.at(entry.slot).fill(0);
  }

  /** All or nothing; the errno's name if nothing. */
  remap(all: readonly number[]): string | undefined {
    const taken: [number, Entry][] = [];
    const sectors = all.filter((sector) => !this.#entries.has(sector));
    const limit = this.geometry.maxRemaps || Infinity;
    let code = this.#entries.size + sectors.length > limit && this.defect !== "limit is ignored"
      ? "ENOSPC"
      : undefined;
    for (const sector of sectors) {
      if (code !== undefined) break;
      const access = this.#tryRead(this.main, sector);
      if (access === "way") code = "EIO";
      else {
        const slot = this.#toSlot(access === "ok" ? this.#copyOf(sector) : undefined);
        if (typeof slot !== "number") code = slot === "full" ? "ENOSPC" : "EIO";
        else {
          const lost = access === "medium";
          taken.push([sector, { slot, lost, unreadable: false, automatic: false }]);
        }
      }
    }
    if (code !== undefined && this.defect !== "remap is not all or nothing") {
      for (const [, { slot }] of taken) this.#used.delete(slot);
      return code;
    }
    for (const [sector, entry] of taken) {
      this.#entries.set(sector, entry);
      this.#pending.delete(sector);
    }
    this.#manual += taken.length;
    return undefined;
  }

  #copyOf(sector: number): Uint8Array | undefined {
    return this.defect === "remap copies nothing" ? undefined : this.main.at(sector);
  }

  unmap(
    sectors: readonly number[],
    force: boolean,
  ): { readonly cleared: number; readonly kept: number } | string {
    const result = { cleared: 0, kept: 0 };
    for (const sector of sectors) {
      const entry = this.#entries.get(sector);
      if (entry === undefined) continue;
      const access = force ? "ok" : this.#copyBack(sector, entry);
      if (access === "way") return "EIO";
      if (access !== "ok") {
        result.kept++;
        continue;
      }
      if (force && this.defect === "force copies") {
        this.main.at(sector).set(this.spare.at(entry.slot));
      }
      this.#entries.delete(sector);
      this.#used.delete(entry.slot);
      if (this.defect === "slot freed twice") this.#used.delete(entry.slot + 1);
      result.cleared++;
      this.#unmapped++;
      if (this.defect === "counter falls") this.#manual--;
    }
    return result;
  }

  #copyBack(sector: number, entry: Entry): Access {
    if (entry.lost && this.defect !== "unmap takes lost sectors") return "medium";
    const access = this.#tryRead(this.spare, entry.slot);
    if (access !== "ok" || this.defect === "unmap copies nothing") return access;
    const written = this.main.write(sector, this.spare.at(entry.slot));
    if (written !== "ok" || this.defect === "unmap is not read back") return written;
    return this.#tryRead(this.main, sector);
  }
}
