// SPDX-License-Identifier: GPL-2.0-only
// What the kernel tells of one device: uevents, and device mapper's own event number.
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { type Uevent, UeventSocket } from "../../ffi/uevents.ts";
import { check } from "./check.ts";
import type { Scope } from "./scope.ts";

const TRIES = 1500;
const PAUSE_MS = 20;

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Hears everything from its making on. */
export class Listener {
  readonly #socket: UeventSocket;
  readonly #device: string;
  #heard: Uevent[] = [];
  #events: bigint;

  constructor(scope: Scope, private readonly dm: DeviceMapper, private readonly name: string) {
    this.#socket = scope.use("the uevents", UeventSocket.open());
    this.#device = `dm-${dm.info(name)?.minor}`;
    this.#events = this.#eventNumber();
  }

  #eventNumber(): bigint {
    return this.dm.info(this.name)?.eventNr ?? -1n;
  }

  /** The target's own uevents that have come and were not asked for yet. */
  heard(): readonly Uevent[] {
    const own = this.#socket.read().filter((each) => each.get("DEVNAME") === this.#device);
    this.#heard.push(...own.filter((each) => each.has("DM_REMAP_EVENT")));
    return this.#heard;
  }

  /** Waits for a uevent of this kind, and for dm's own event; forgets what came before. */
  async expect(kind: string, variables: Readonly<Record<string, string>> = {}): Promise<void> {
    const fits = (each: Uevent) =>
      each.get("DM_REMAP_EVENT") === kind &&
      Object.entries(variables).every(([key, value]) => each.get(key) === value);
    let tries = TRIES;
    while (tries-- > 0 && !this.heard().some(fits)) await pause();
    check(`a uevent ${kind} ${JSON.stringify(variables)}`, this.#heard.some(fits), {
      expected: "sent",
      seen: this.#heard.map((each) => Object.fromEntries(each)),
    });
    this.#heard = [];
    while (tries-- > 0 && this.#eventNumber() <= this.#events) await pause();
    const now = this.#eventNumber();
    check("dm's event number", now > this.#events, {
      expected: `> ${this.#events}`,
      seen: now,
    });
    // What came while we looked may be what the next one waits for.
    this.#events = now - 1n;
  }
}
