// SPDX-License-Identifier: GPL-2.0-only
// The one place where errors become exit codes. The table is a contract: scripts branch on it.
import { CommanderError } from "@commander-js/extra-typings";
import { DeviceMapperError, NoDeviceMapperError } from "../../ffi/errors.ts";
import {
  BusyError,
  MetadataDamagedError,
  TargetMissingError,
  UsageError,
} from "../device/errors.ts";
import { ModuleBusyError, ModuleMissingError } from "../kmod/errors.ts";
import { ImportDamagedError, StoreBusyError, StoreDamagedError } from "../store/errors.ts";

/** The exit codes by name. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  degraded: 3,
  damaged: 4,
  busy: 5,
  missing: 6,
  interrupted: 130,
} as const;

/** One of the codes that the program ends with. */
export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** What each code means, in the words of the documentation. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: "done",
  1: "failed",
  2: "usage",
  3: "done, but the device is degraded (health below warning, or sectors lost)",
  4: "metadata damaged",
  5: "busy (mounted, held, already active)",
  6: "target or module not there",
  130: "interrupted",
};

/** Ctrl-C, or a signal that means the same. */
export class InterruptedError extends Error {
  override name = "InterruptedError";
}

/** The exit code for an error: its own, or that of the first error below it that has one. */
export function exitCodeOf(error: unknown): ExitCode {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = ownCode(at);
    if (code !== undefined) return code;
  }
  return EXIT.failed;
}

function ownCode(error: Error): ExitCode | undefined {
  switch (true) {
    case error instanceof InterruptedError:
      return EXIT.interrupted;
    case error instanceof CommanderError:
      return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    case error instanceof UsageError:
      return EXIT.usage;
    case error instanceof MetadataDamagedError:
    case error instanceof StoreDamagedError:
    case error instanceof ImportDamagedError:
      return EXIT.damaged;
    case error instanceof BusyError:
    case error instanceof ModuleBusyError:
    case error instanceof StoreBusyError:
      return EXIT.busy;
    case error instanceof TargetMissingError:
    case error instanceof ModuleMissingError:
      return EXIT.missing;
    case error instanceof NoDeviceMapperError:
      return mayNot(error) ? EXIT.failed : EXIT.missing;
    case error instanceof DeviceMapperError && error.code === "EBUSY":
      return EXIT.busy;
    default:
      return undefined;
  }
}

/** The driver may well be there; it is this user who is not let near it. */
function mayNot(error: DeviceMapperError): boolean {
  return error.code === "EACCES" || error.code === "EPERM";
}
