// SPDX-License-Identifier: GPL-2.0-only
// Turns an error into what a person (or a script) needs: which device, what is wrong, what to do.
import { CommanderError } from "@commander-js/extra-typings";
import {
  DeviceMapperError,
  LibraryError,
  NoDeviceMapperError,
  SystemError,
} from "../../ffi/errors.ts";
import {
  AmbiguousError,
  BlockSizeError,
  BusyError,
  DeviceError,
  DeviceNotFoundError,
  HeldError,
  MetadataDamagedError,
  MountedError,
  NameTakenError,
  NotBlockDeviceError,
  OverlapError,
  PermissionError,
  ProtocolError,
  RefusedError,
  SignatureError,
  TargetMissingError,
  TooSmallError,
  UsageError,
  WrongPairError,
} from "../device/errors.ts";
import {
  BuildError,
  BuildToolsMissingError,
  LoadError,
  ModuleBusyError,
  ModuleError,
  ModuleMissingError,
} from "../kmod/errors.ts";
import {
  ExportError,
  ImportDamagedError,
  ImportError,
  InvalidSnapshotError,
  SnapshotExistsError,
  SnapshotNotFoundError,
  StoreBusyError,
  StoreDamagedError,
  StoreFailedError,
  StoreFullError,
  StoreMissingError,
  StoreNewerError,
  StoreReadOnlyError,
} from "../store/errors.ts";
import { type ExitCode, exitCodeOf, InterruptedError } from "./exit_codes.ts";
import { type JsonFields, toJson } from "./json.ts";

/** An error, taken apart. */
export interface Problem {
  /** A stable word for scripts, such as `mounted`. */
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly device?: string;
  /** What is wrong, as a sentence without the device and the cure. */
  readonly message: string;
  readonly cause?: string;
  /** What to do about it. */
  readonly cure?: string;
  /** What only some errors have: errno, kernel log, ... */
  readonly details: JsonFields;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** The word for each class; the first that fits counts, so subclasses stand before their bases. */
const CODES: readonly (readonly [ErrorClass, string])[] = [
  [InterruptedError, "interrupted"],
  [CommanderError, "usage"],
  [UsageError, "usage"],
  [MountedError, "mounted"],
  [HeldError, "held"],
  [NameTakenError, "name-taken"],
  [BusyError, "busy"],
  [TargetMissingError, "target-missing"],
  [MetadataDamagedError, "metadata-damaged"],
  [AmbiguousError, "ambiguous"],
  [WrongPairError, "wrong-pair"],
  [SignatureError, "signature"],
  [TooSmallError, "too-small"],
  [OverlapError, "overlap"],
  [BlockSizeError, "block-size"],
  [NotBlockDeviceError, "not-a-block-device"],
  [DeviceNotFoundError, "not-found"],
  [PermissionError, "permission"],
  [RefusedError, "refused"],
  [ProtocolError, "protocol"],
  [StoreBusyError, "store-busy"],
  [StoreDamagedError, "store-damaged"],
  [StoreFullError, "store-full"],
  [StoreReadOnlyError, "store-read-only"],
  [StoreNewerError, "store-newer"],
  [StoreMissingError, "store-missing"],
  [StoreFailedError, "store-failed"],
  [SnapshotNotFoundError, "snapshot-not-found"],
  [SnapshotExistsError, "snapshot-exists"],
  [InvalidSnapshotError, "snapshot-impossible"],
  [ImportDamagedError, "import-damaged"],
  [ImportError, "import-refused"],
  [ExportError, "export-failed"],
  [BuildToolsMissingError, "build-tools-missing"],
  [BuildError, "build-failed"],
  [LoadError, "load-failed"],
  [ModuleMissingError, "module-missing"],
  [ModuleBusyError, "module-busy"],
  [LibraryError, "library-missing"],
  [NoDeviceMapperError, "no-device-mapper"],
  [DeviceMapperError, "device-mapper"],
  [SystemError, "system"],
];

/** Takes an error apart. */
export function describeProblem(error: unknown): Problem {
  const base = {
    code: error instanceof Error ? codeOf(error) : "failed",
    exitCode: exitCodeOf(error),
    ...causeOf(error),
  };
  if (error instanceof DeviceError) {
    return {
      ...base,
      ...device(error.device),
      message: error.reason,
      ...cure(error.cure),
      details: {},
    };
  }
  if (error instanceof ModuleError) {
    const problem = { ...base, message: error.message, ...cure(error.cure) };
    if (error instanceof BuildError) return { ...problem, details: { log: error.log } };
    if (error instanceof ModuleBusyError) {
      return { ...problem, details: { devices: error.devices } };
    }
    return { ...problem, details: {} };
  }
  if (error instanceof DeviceMapperError) return fromDeviceMapper(error, base);
  if (error instanceof SystemError) {
    const details = { operation: error.operation, errno: error.errno, errno_name: error.code };
    return { ...base, ...device(error.path), message: withoutSubject(error, error.path), details };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { ...base, message: message.replace(/^error: /, ""), details: {} };
}

/** The problem in words: what, why, and what to do, each on a line of its own. */
export function problemProse(problem: Problem): string {
  const subject = problem.device === undefined ? "" : `${problem.device}: `;
  const lines = [`error: ${subject}${problem.message}`];
  if (problem.cause !== undefined) lines.push(`  why: ${problem.cause}`);
  if (problem.cure !== undefined) lines.push(`  do:  ${problem.cure}`);
  return lines.join("\n");
}

/** The problem as one line of JSON. */
export function problemJson(problem: Problem): string {
  const { code, exitCode, device, message, cause, cure, details } = problem;
  return toJson({ error: { code, exit_code: exitCode, device, message, cause, cure, ...details } });
}

function fromDeviceMapper(
  error: DeviceMapperError,
  base: Pick<Problem, "code" | "exitCode" | "cause">,
): Problem {
  return {
    ...base,
    ...device(error.device === "" ? undefined : error.device),
    message: deviceMapperMessage(error),
    ...error.kernelLog.length === 0 ? {} : { cause: `${error.operation} failed: ${error.code}` },
    ...cure(deviceMapperCure(error)),
    details: {
      operation: error.operation,
      errno: error.errno,
      errno_name: error.code,
      kernel_log: error.kernelLog,
    },
  };
}

/** What is wrong, without the device: in the kernel's words if it gave any. */
export function deviceMapperMessage(error: DeviceMapperError): string {
  const reasons = kernelReasons(error);
  if (reasons.length > 0) return reasons.join("; ");
  const text = withoutSubject(error, error.device === "" ? "device mapper" : error.device);
  // Nobody called the operation that only looks for the driver.
  const operation = `${error.operation} failed: `;
  return error instanceof NoDeviceMapperError && text.startsWith(operation)
    ? text.slice(operation.length)
    : text;
}

/** Lines such as `remap: r0: the spare is full`, without what the reader knows already. */
function kernelReasons({ device, kernelLog }: DeviceMapperError): string[] {
  const name = device === "" ? [] : [`${device}: `];
  const known = [/^table: \d+:\d+: /, /^remap: /, ...name, / \(-E[A-Z]+\)$/];
  return kernelLog.map((line) =>
    known.reduce<string>((rest, part) => rest.replace(part, ""), line)
  );
}

function deviceMapperCure(error: DeviceMapperError): string | undefined {
  if (error.code === "EACCES" || error.code === "EPERM") return "run this as root";
  if (error instanceof NoDeviceMapperError) {
    return "`dmremap-ts doctor` shows what is missing, and how to get it";
  }
  if (error.kernelLog.length === 0 && error.operation === "message") {
    return "the kernel log has the reason: dmesg | grep 'device-mapper: remap'";
  }
  return undefined;
}

function codeOf(error: Error): string {
  return CODES.find(([kind]) => error instanceof kind)?.[1] ?? "failed";
}

function causeOf(error: unknown): { cause?: string } {
  if (!(error instanceof Error) || !(error.cause instanceof Error)) return {};
  return { cause: error.cause.message };
}

function device(name: string | undefined): { device?: string } {
  return name === undefined ? {} : { device: name };
}

function cure(text: string | undefined): { cure?: string } {
  return text === undefined || text === "" ? {} : { cure: text };
}

function withoutSubject(error: Error, subject: string): string {
  const prefix = `${subject}: `;
  return error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
}
