// SPDX-License-Identifier: GPL-2.0-only
// One run of the program: where it speaks, what it may do, how it will end.
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { RefusedError, UsageError } from "../../device/errors.ts";
import { RemapDevice } from "../../device/remap_device.ts";
import { EXIT, type ExitCode, InterruptedError } from "../../output/exit_codes.ts";
import { Output } from "../../output/output.ts";
import type { Terminal } from "../../output/terminal.ts";
import type { Units } from "../../output/units.ts";
import { deviceName } from "./names.ts";

/** The options that stand before or after every command. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly units?: Units;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** What a session is made of; tests replace some of it. */
export interface SessionOptions {
  readonly terminal: Terminal;
  /** Aborts when the user interrupts. */
  readonly signal?: AbortSignal;
  readonly openDeviceMapper?: () => DeviceMapper;
}

/** Handed to every command. */
export class Session {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** What the program ends with if nothing throws. */
  exitCode: ExitCode = EXIT.done;
  /** How long the command may tidy up after an interrupt, in milliseconds. */
  graceMs = 2000;
  /** While a device is held still: not even a second interrupt ends the program then. */
  holding = false;
  #out: Output;
  #options: GlobalOptions = {};
  readonly #open: () => DeviceMapper;

  constructor(options: SessionOptions) {
    this.terminal = options.terminal;
    this.signal = options.signal ?? new AbortController().signal;
    this.#open = options.openDeviceMapper ?? DeviceMapper.open;
    this.#out = makeOutput(this.terminal, {});
  }

  /** Called once the global options are known, before the command. */
  begin(options: GlobalOptions): void {
    this.#options = options;
    this.#out = makeOutput(this.terminal, options);
  }

  get out(): Output {
    return this.#out;
  }

  /** Say what would be done, and leave everything as it is. */
  get dryRun(): boolean {
    return this.#options.dryRun ?? false;
  }

  /** The device mapper; release it with `using`. @throws {NoDeviceMapperError} */
  openDeviceMapper(): DeviceMapper {
    const dm = this.#open();
    try {
      dm.driverVersion();
      return dm;
    } catch (error) {
      dm[Symbol.dispose]();
      throw error;
    }
  }

  /** Runs `use` with the remap device of that name, and releases the device mapper after it. */
  async withDevice<T>(name: string, use: (device: RemapDevice) => Promise<T> | T): Promise<T> {
    const checked = deviceName(name);
    using dm = this.openDeviceMapper();
    return await use(RemapDevice.open(dm, checked));
  }

  /**
   * Lets the user have the last word before something that cannot be taken back.
   * @throws {UsageError} if there is nobody to ask and `--yes` was not given
   * @throws {RefusedError} if the answer is no
   */
  async confirm(device: string, what: string): Promise<void> {
    if (this.#options.yes || this.dryRun) return;
    if (!this.terminal.stdinIsTerminal || !this.terminal.stderrIsTerminal) {
      throw new UsageError(`not confirmed: ${what}`, {
        device,
        cure: "give --yes if this is what you want; there is no terminal to ask on",
      });
    }
    this.terminal.writeErr(`${device}: ${what}\nGo on? [y/N] `);
    const answer = await Promise.race([this.terminal.readLine(), aborted(this.signal)]);
    if (this.signal.aborted) throw new InterruptedError("interrupted");
    if (!/^(y|yes)$/i.test(answer?.trim() ?? "")) {
      throw new RefusedError("not confirmed, nothing was changed", { device });
    }
  }

  /** The command did what it should, and the device is not well. */
  degraded(): void {
    this.exitCode = EXIT.degraded;
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function makeOutput(terminal: Terminal, options: GlobalOptions): Output {
  return new Output(terminal, {
    json: options.json ?? false,
    units: options.units ?? "iec",
    quiet: options.quiet ?? false,
    verbose: options.verbose ?? false,
  });
}
