// SPDX-License-Identifier: GPL-2.0-only
// A device mapper in memory and a way to run the whole program against it, for tests of commands.
import { run } from "../../app.ts";
import { DeviceMapperError, NoDeviceMapperError } from "../../../ffi/errors.ts";
import type {
  DeviceInfo,
  DeviceMapper,
  DeviceNumber,
  ListedDevice,
  TargetLine,
} from "../../../ffi/libdevmapper.ts";
import { MemoryTerminal, type MemoryTerminalOptions } from "../../output/memory_terminal.ts";
import { Session } from "./session.ts";

const ENXIO = 6;
const ENODEV = 19;

/** A device that a {@linkcode FakeMapper} pretends to have. */
export interface FakeDevice {
  readonly type?: string;
  readonly table?: string;
  readonly status?: string;
  /** The reply to `health`. */
  readonly health?: string;
  readonly suspended?: boolean;
  /** Replies to all other messages. */
  readonly answer?: (message: string) => string;
}

/** A healthy device with nothing relocated. */
export const HEALTHY = "remapped=0 lost=0 spare_used=0/102400 (0%) write_errors=0 read_errors=0 " +
  "auto_remaps=0 manual_remaps=0 health=good scan_progress=0% pending=0 spare_bad=0 " +
  "verify_errors=0 transport_errors=0 mode=rw";

/** Some sectors relocated, two of them lost. */
export const LOSING = "remapped=5 lost=2 spare_used=7/102400 (0%) write_errors=12 read_errors=3 " +
  "auto_remaps=5 manual_remaps=2 health=good scan_progress=50% pending=0 spare_bad=2 " +
  "verify_errors=0 transport_errors=0 mode=rw";

const WELL = "health=good score=100 reason=none";

/** Numbers that no machine has, so that no path is found for them. */
const TABLE = "4000:0 0 4000:16 0 102400 1 volatile";

/** Does what the commands need of a device mapper, and keeps what was asked of it. */
export class FakeMapper implements Disposable {
  readonly messages: string[] = [];
  readonly removed: string[] = [];
  /** Suspended and resumed devices. */
  readonly standstills: string[] = [];
  /** Devices that are open besides those of the table. */
  readonly held: DeviceNumber[] = [];

  constructor(readonly devices: Readonly<Record<string, FakeDevice>>) {}

  driverVersion(): string {
    return "4.47.0";
  }

  list(): ListedDevice[] {
    return Object.keys(this.devices).map((name, minor) => ({ name, major: 253, minor }));
  }

  table(name: string): TargetLine[] {
    const { type = "remap", table = TABLE } = this.#find("table", name);
    return [{ start: 0n, length: 204800n, type, params: table }];
  }

  status(name: string): TargetLine[] {
    const { type = "remap", status = HEALTHY } = this.#find("status", name);
    return [{ start: 0n, length: 204800n, type, params: status }];
  }

  info(name: string): DeviceInfo {
    const { suspended = false } = this.#find("info", name);
    return {
      name,
      major: 253,
      minor: 0,
      suspended,
      readOnly: false,
      liveTable: true,
      inactiveTable: false,
      deferredRemove: false,
      openCount: 0,
      targetCount: 1,
      eventNr: 0n,
      uuid: "",
    };
  }

  message(name: string, _sector: bigint, text: string): Promise<string | undefined> {
    const device = this.#find("message", name);
    this.messages.push(text);
    if (text === "health") return Promise.resolve(device.health ?? WELL);
    return Promise.resolve(device.answer?.(text));
  }

  deps(name: string): DeviceNumber[] {
    const [target] = this.table(name);
    const own = [...(target?.params ?? "").matchAll(/(\d+):(\d+)/g)];
    return [
      ...own.map(([, major, minor]) => ({ major: Number(major), minor: Number(minor) })),
      ...this.held,
    ];
  }

  suspend(name: string): Promise<void> {
    this.standstills.push(`suspend ${name}`);
    return Promise.resolve();
  }

  resume(name: string): Promise<void> {
    this.standstills.push(`resume ${name}`);
    this.held.length = 0;
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.#find("remove", name);
    this.removed.push(name);
    return Promise.resolve();
  }

  [Symbol.dispose](): void {}

  #find(operation: string, name: string): FakeDevice {
    const device = this.devices[name];
    if (device === undefined) throw new DeviceMapperError(operation, name, ENXIO);
    return device;
  }
}

/** How a run of the program ended. */
export interface ToolResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program in this process, against a fake device mapper or against none. */
export async function runTool(
  args: readonly string[],
  mapper?: FakeMapper,
  options?: MemoryTerminalOptions,
): Promise<ToolResult> {
  const terminal = new MemoryTerminal(options);
  const openDeviceMapper = () => {
    if (mapper === undefined) throw new NoDeviceMapperError("version", "", ENODEV);
    return mapper as unknown as DeviceMapper;
  };
  const code = await run(args, new Session({ terminal, openDeviceMapper }));
  return { code, out: terminal.out, err: terminal.err };
}
