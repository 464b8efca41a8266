// SPDX-License-Identifier: GPL-2.0-only
import type { DeviceInfo, DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { ForceOption, HealthReport, Place, RemapResult, UnmapResult } from "./messages.ts";
import type { SectorRange } from "./sectors.ts";
import type { RemapStatus } from "./status_line.ts";
import type { RemapTable } from "./table_line.ts";

/** A dm device whose table is one `remap` line. */
export declare class RemapDevice {
  /** @throws {DeviceNotFoundError | TargetMissingError | NoDeviceMapperError} */
  static open(dm: DeviceMapper, name: string): RemapDevice;
  private constructor();
  readonly dm: DeviceMapper;
  readonly name: string;
  info(): DeviceInfo;
  status(): RemapStatus;
  /** The status as text, without start, length and target name. */
  statusText(): string;
  table(): RemapTable;
  /** All or nothing over all ranges. */
  remap(ranges: readonly SectorRange[]): Promise<RemapResult>;
  /** One range after the other; the counts are sums. */
  unmap(ranges: readonly SectorRange[], options?: ForceOption): Promise<UnmapResult>;
  clear(options?: ForceOption): Promise<UnmapResult>;
  verify(ranges: readonly SectorRange[]): Promise<Place[]>;
  /** The table in order, fetched in pages. */
  entries(options?: { readonly from?: bigint; readonly pageSize?: number }): AsyncGenerator<Place>;
  stats(): Promise<Map<string, bigint | string>>;
  health(): Promise<HealthReport>;
  ping(): Promise<string>;
  /** Any message; the reply as text, "" if there was none. */
  send(text: string): Promise<string>;
  /** Resolves to the new event number. */
  waitEvent(eventNr: bigint, signal?: AbortSignal): Promise<bigint>;
}

/** Every dm device with a `remap` line, in order of their names. */
export declare function listRemapDevices(dm: DeviceMapper): RemapDevice[];
