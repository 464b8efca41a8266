// SPDX-License-Identifier: GPL-2.0-only
//
// The devices whose Nth request fails: tests/sweep/module, driven by messages.
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { type Range, sectorsOf } from "../suite/guest/range.ts";

export type Side = "main" | "spare";
export type FaultOp = "read" | "write" | "flush";
/** Once; the whole device from then on; or its sector from then on, in that direction. */
export type Mode = "once" | "gone" | "sector";
export type Status = "medium" | "ioerr" | "transport";

export interface Fault {
  readonly nth: number;
  readonly mode: Mode;
  readonly status: Status;
  /** The request waits, and others meet it, before it fails. */
  readonly parks: boolean;
}

/** The request that the fault was armed for; sectors are those of the device. */
export interface Victim {
  readonly side: Side;
  readonly op: FaultOp;
  readonly range: Range;
}

/** What has become of the armed fault. */
export interface FaultState {
  /** Undefined if it has not come. */
  readonly victim: Victim | undefined;
  /** It waits. */
  readonly parked: boolean;
  /** Flushes that have failed. */
  readonly flushes: number;
  /** How many of them because of the fault. */
  readonly flushFaults: number;
}

export function describeFault({ nth, mode, status, parks }: Fault, victim?: Victim): string {
  const what = victim === undefined
    ? ""
    : ` (${victim.op} of ${victim.side} ${victim.range.first}+${victim.range.count})`;
  return `request ${nth}${what} fails: ${mode}, ${status}${parks ? ", with I/O meanwhile" : ""}`;
}

const STATE = /^(\d+) parked=(\d) flushes=(\d+) flush_faults=(\d+) victim=(.*)$/gm;

function parseVictim(text: string): Victim | undefined {
  if (text === "none") return undefined;
  const [side, op, first, count] = text.split(",");
  return {
    side: side as Side,
    op: op as FaultOp,
    range: { first: Number(first), count: Number(count) },
  };
}

/** Messages would do as well, but take much longer. */
const PARAMETERS = "/sys/module/sweep_nth/parameters";

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** The two devices of a stack, and the counter that they share. */
export class FaultyPair {
  private constructor(private readonly dm: DeviceMapper, private readonly group: number) {}

  /** @param below the devices under them, with their sizes in sectors */
  static async create(
    dm: DeviceMapper,
    group: number,
    below: Readonly<Record<Side, { readonly path: string; readonly sectors: number }>>,
  ): Promise<FaultyPair> {
    const pair = new FaultyPair(dm, group);
    for (const side of ["main", "spare"] as const) {
      const { path, sectors } = below[side];
      await dm.createWithTable(pair.#name(side), [{
        start: 0n,
        length: BigInt(sectors),
        type: "sweep_nth",
        params: `${path} ${group} ${side}`,
      }]);
    }
    return pair;
  }

  #name(side: Side): string {
    return `sweep${this.group}-${side}`;
  }

  path(side: Side): string {
    return `/dev/mapper/${this.#name(side)}`;
  }

  #command(side: Side, words: string): void {
    Deno.writeTextFileSync(`${PARAMETERS}/command`, `${this.group} ${side} ${words}`);
  }

  async #ask(message: string): Promise<string> {
    return await this.dm.message(this.#name("main"), 0n, message) ?? "";
  }

  arm({ nth, mode, status, parks }: Fault): void {
    this.#command("main", `arm ${nth} ${mode} ${status}${parks ? " park" : ""}`);
  }

  /** From here on no fault fires any more; bad sectors stay bad. */
  disarm(): void {
    this.#command("main", "disarm");
  }

  /** Lets the request that waits fail. */
  go(): void {
    this.#command("main", "go");
  }

  get state(): FaultState {
    const text = Deno.readTextFileSync(`${PARAMETERS}/state`);
    const match = [...text.matchAll(STATE)].find(([, group]) => Number(group) === this.group);
    if (match === undefined) throw new Error(`unreadable state "${text}"`);
    const [, , parked, flushes, flushFaults, victim] = match;
    return {
      victim: parseVictim(victim!),
      parked: parked === "1",
      flushes: Number(flushes),
      flushFaults: Number(flushFaults),
    };
  }

  /** @param times how often requests for just this range fail; for ever if left out */
  makeBad(side: Side, op: FaultOp, { first, count }: Range, status: Status, times = 0): void {
    this.#command(side, `bad ${op} ${first} ${count} ${status} ${times}`);
  }

  /** What was made bad is good again. */
  mend(side: Side): void {
    this.#command(side, "mend");
  }

  /** No fault, no bad sectors, nothing in a cache. */
  heal(): void {
    this.#command("main", "heal");
  }

  /** Sectors that have been written and not flushed since. */
  async unflushed(): Promise<Record<Side, Set<number>>> {
    const sectors = { main: new Set<number>(), spare: new Set<number>() };
    for (const line of lines(await this.#ask("dirty"))) {
      const [side, first, count] = line.split(" ");
      for (const at of sectorsOf({ first: Number(first), count: Number(count) })) {
        sectors[side as Side].add(at);
      }
    }
    return sectors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of ["main", "spare"] as const) {
      await this.dm.remove(this.#name(side), { retry: true });
    }
  }
}
