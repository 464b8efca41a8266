// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { CommanderError } from "@commander-js/extra-typings";
import { DeviceMapperError, NoDeviceMapperError } from "../../ffi/errors.ts";
import {
  DeviceNotFoundError,
  HeldError,
  MetadataDamagedError,
  NameTakenError,
  SignatureError,
  TargetMissingError,
  UsageError,
} from "../device/errors.ts";
import { BuildError, ModuleBusyError, ModuleMissingError } from "../kmod/errors.ts";
import {
  SnapshotNotFoundError,
  StoreBusyError,
  StoreDamagedError,
  StoreFullError,
} from "../store/errors.ts";
import { EXIT, EXIT_MEANINGS, exitCodeOf, InterruptedError } from "./exit_codes.ts";

const EBUSY = 16;
const EACCES = 13;
const ENODEV = 19;
const EIO = 5;

Deno.test("every code has a meaning", () => {
  assert.deepEqual(
    Object.values(EXIT).map(String).sort(),
    Object.keys(EXIT_MEANINGS).sort(),
  );
});

Deno.test("errors become codes", () => {
  const cases: [unknown, number][] = [
    [new CommanderError(0, "commander.helpDisplayed", "(outputHelp)"), 0],
    [new CommanderError(1, "commander.unknownOption", "error: unknown option"), 2],
    [new UsageError("not a sector"), 2],
    [new HeldError("held by dm-0"), 5],
    [new MetadataDamagedError("no superblock is sound"), 4],
    [new NameTakenError("exists"), 5],
    [new ModuleBusyError("in use", "", ["r0"]), 5],
    [new DeviceMapperError("remove", "r0", EBUSY), 5],
    [new DeviceMapperError("message", "r0", EIO), 1],
    [new TargetMissingError("no remap target"), 6],
    [new ModuleMissingError("not loaded", ""), 6],
    [new NoDeviceMapperError("version", "", ENODEV), 6],
    [new NoDeviceMapperError("version", "", EACCES), 1],
    [new SignatureError("carries ext4"), 1],
    [new DeviceNotFoundError("no such device"), 1],
    [new BuildError("failed", "", "log"), 1],
    [new StoreBusyError("in use"), 5],
    [new StoreDamagedError("damaged"), 4],
    [new StoreFullError("full"), 1],
    [new SnapshotNotFoundError("no snapshot 7"), 1],
    [new InterruptedError("SIGINT"), 130],
    [new Error("anything"), 1],
    ["not even an error", 1],
  ];
  for (const [error, code] of cases) assert.equal(exitCodeOf(error), code, String(error));
});

Deno.test("a wrapped error keeps the code of what it wraps", () => {
  const cause = new DeviceMapperError("message", "r0", EBUSY);
  assert.equal(exitCodeOf(new Error("could not relocate", { cause })), 5);
});
