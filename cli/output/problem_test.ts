// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { DeviceMapperError, NoDeviceMapperError } from "../../ffi/errors.ts";
import { MountedError } from "../device/errors.ts";
import { BuildError, ModuleBusyError } from "../kmod/errors.ts";
import { describeProblem, problemJson, problemProse } from "./problem.ts";

Deno.test("a refusal names device, reason and cure", () => {
  const error = new MountedError("is mounted on /mnt", { device: "/dev/sdb", cure: "unmount it" });
  const problem = describeProblem(error);
  assert.equal(problemProse(problem), "error: /dev/sdb: is mounted on /mnt\n  do:  unmount it");
  assert.deepEqual(JSON.parse(problemJson(problem)), {
    schema_version: 1,
    error: {
      code: "mounted",
      exit_code: 5,
      device: "/dev/sdb",
      message: "is mounted on /mnt",
      cure: "unmount it",
    },
  });
});

Deno.test("device mapper errors bring errno and the kernel's words", () => {
  const error = new DeviceMapperError("message", "r0", 28, {
    kernelLog: ["remap: r0: the spare is full"],
  });
  const { error: json } = JSON.parse(problemJson(describeProblem(error)));
  assert.equal(json.device, "r0");
  assert.equal(json.errno, 28);
  assert.equal(json.errno_name, "ENOSPC");
  assert.deepEqual(json.kernel_log, ["remap: r0: the spare is full"]);
  assert.equal(json.message, "the spare is full");
  assert.equal(json.cause, "message failed: ENOSPC");
});

Deno.test("what the kernel says about a table is told without its prefixes", () => {
  const kernelLog = ["table: 253:0: remap: retries must be a number from 1 to 100 (-EINVAL)"];
  const problem = describeProblem(new DeviceMapperError("reload", "r0", 22, { kernelLog }));
  assert.equal(problem.message, "retries must be a number from 1 to 100");
});

Deno.test("without a device mapper the reader is sent to doctor", () => {
  const problem = describeProblem(new NoDeviceMapperError("version", "", 19));
  assert.match(problem.cure ?? "", /dmremap-ts doctor/);
  assert.ok(!problem.message.includes("version failed"), problem.message);
  assert.equal(problem.exitCode, 6);
});

Deno.test("causes are told, empty cures are not", () => {
  const cause = new Error("insmod: invalid format");
  const problem = describeProblem(new BuildError("make failed", "", "log", { cause }));
  assert.equal(problemProse(problem), "error: make failed\n  why: insmod: invalid format");
  const busy = describeProblem(new ModuleBusyError("in use", "remove them", ["r0", "r1"]));
  assert.deepEqual(busy.details, { devices: ["r0", "r1"] });
});

Deno.test("anything thrown can be described", () => {
  assert.equal(describeProblem("text").message, "text");
  assert.equal(
    describeProblem(new Error("error: unknown option '-x'")).message,
    "unknown option '-x'",
  );
});
