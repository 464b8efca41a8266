// SPDX-License-Identifier: GPL-2.0-only
import { DeviceMapperError } from "../../ffi/errors.ts";
import type { DeviceInfo, DeviceMapper, TargetLine } from "../../ffi/libdevmapper.ts";
import { DeviceNotFoundError, ProtocolError, TargetMissingError } from "./errors.ts";
import { type HealthReport, parseHealth } from "./health.ts";
import * as messages from "./messages.ts";
import type { ForceOption, Place, RemapResult, UnmapResult } from "./messages.ts";
import type { SectorRange } from "./sectors.ts";
import { parseStatus, type RemapStatus } from "./status_line.ts";
import { fromTarget, type RemapTable, TARGET_TYPE } from "./table_line.ts";

/** Keeps a page of `entries` within the reply that the kernel has room for at first. */
const PAGE_SIZE = 256;

function isRemap(target: TargetLine): boolean {
  return target.type === TARGET_TYPE;
}

/** A dm device with a `remap` line in its table; of several lines, the first such one is meant. */
export class RemapDevice {
  private constructor(
    readonly dm: DeviceMapper,
    readonly name: string,
    /** The target's first sector in the device, to which messages are sent. */
    private readonly start: bigint,
  ) {}

  /** @throws {DeviceNotFoundError | TargetMissingError | NoDeviceMapperError} */
  static open(dm: DeviceMapper, name: string): RemapDevice {
    const target = translate(name, () => dm.table(name)).find(isRemap);
    if (target === undefined) {
      throw new TargetMissingError("is no remap device", {
        device: name,
        cure: "dmremap-ts list shows those that are",
      });
    }
    return new RemapDevice(dm, name, target.start);
  }

  info(): DeviceInfo {
    const info = this.dm.info(this.name);
    if (info === undefined) throw notFound(this.name);
    return info;
  }

  status(): RemapStatus {
    return parseStatus(this.statusText());
  }

  /** The status as text, without start, length and target name. */
  statusText(): string {
    return this.#own(translate(this.name, () => this.dm.status(this.name, { noflush: true })))
      .params;
  }

  table(): RemapTable {
    return fromTarget(this.#own(translate(this.name, () => this.dm.table(this.name))));
  }

  /** All or nothing over all ranges. */
  async remap(ranges: readonly SectorRange[]): Promise<RemapResult> {
    return messages.parseRemapResult(await this.send(messages.remapMessage(ranges)));
  }

  /** One range after the other; the counts are sums. */
  async unmap(ranges: readonly SectorRange[], options: ForceOption = {}): Promise<UnmapResult> {
    const sum = { cleared: 0n, kept: 0n };
    for (const range of ranges) {
      const reply = await this.send(messages.unmapMessage(range, options));
      const { cleared, kept } = messages.parseUnmapResult(reply);
      sum.cleared += cleared;
      sum.kept += kept;
    }
    return sum;
  }

  async clear(options: ForceOption = {}): Promise<UnmapResult> {
    return messages.parseUnmapResult(await this.send(messages.clearMessage(options)));
  }

  async verify(ranges: readonly SectorRange[]): Promise<Place[]> {
    const places: Place[] = [];
    for (const range of ranges) {
      places.push(...messages.parsePlaces(await this.send(messages.verifyMessage(range))));
    }
    return places;
  }

  /** The table in order, fetched in pages: entries that come or go meanwhile may be missed. */
  async *entries(
    options: { readonly from?: bigint; readonly pageSize?: number } = {},
  ): AsyncGenerator<Place> {
    let from = options.from ?? 0n;
    for (;;) {
      const message = messages.entriesMessage(from, options.pageSize ?? PAGE_SIZE);
      const page = messages.parsePlaces(await this.send(message));
      const last = page.at(-1);
      if (last === undefined) return;
      if (last.sector + last.count <= from) {
        throw new ProtocolError(`the reply to "${message}" goes backwards`, { device: this.name });
      }
      yield* page;
      from = last.sector + last.count;
    }
  }

  async stats(): Promise<Map<string, bigint | string>> {
    return messages.parseStats(await this.send(messages.statsMessage()));
  }

  async health(): Promise<HealthReport> {
    return parseHealth(await this.send(messages.healthMessage()));
  }

  async ping(): Promise<string> {
    return (await this.send(messages.pingMessage())).trim();
  }

  /** Any message; the reply as text, "" if there was none. */
  async send(text: string): Promise<string> {
    try {
      return await this.dm.message(this.name, this.start, text) ?? "";
    } catch (error) {
      throw explain(this.name, error);
    }
  }

  /** Resolves to the new event number. */
  async waitEvent(eventNr: bigint, signal?: AbortSignal): Promise<bigint> {
    try {
      return await this.dm.waitEvent(this.name, eventNr, signal);
    } catch (error) {
      throw explain(this.name, error);
    }
  }

  #own(targets: readonly TargetLine[]): TargetLine {
    const target = targets.find((line) => isRemap(line) && line.start === this.start);
    if (target !== undefined) return target;
    throw new TargetMissingError("has another table by now", { device: this.name });
  }
}

/** Every dm device with a `remap` line, in order of their names. */
export function listRemapDevices(dm: DeviceMapper): RemapDevice[] {
  return dm.list().map(({ name }) => name).sort().flatMap((name) => {
    try {
      return [RemapDevice.open(dm, name)];
    } catch (error) {
      // Of another kind, or gone since the list was made.
      if (error instanceof TargetMissingError || error instanceof DeviceNotFoundError) return [];
      throw error;
    }
  });
}

function notFound(name: string, cause?: unknown): DeviceNotFoundError {
  return new DeviceNotFoundError("there is no dm device of that name", {
    device: name,
    cure: "dmremap-ts list shows the remap devices",
    cause,
  });
}

function explain(name: string, error: unknown): unknown {
  return error instanceof DeviceMapperError && error.code === "ENXIO"
    ? notFound(name, error)
    : error;
}

function translate<T>(name: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw explain(name, error);
  }
}
