// SPDX-License-Identifier: GPL-2.0-only
// What can be seen without a device mapper; tests/ffi has the rest, in a guest.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { DeviceMapperError, LibraryError, NoDeviceMapperError } from "./errors.ts";
import { DeviceMapper } from "./libdevmapper.ts";
import { openLibrary } from "./shared_library.ts";

/** Whether this machine's kernel has a device mapper, or may load one. */
function mayHaveDriver(): boolean {
  return existsSync("/dev/mapper/control") ||
    Deno.readTextFileSync("/proc/misc").includes("device-mapper") ||
    existsSync(`/lib/modules/${Deno.osRelease()}`);
}

Deno.test("a library that is not there: its package is named", () => {
  assert.throws(
    () => openLibrary(["libnone.so.9", "libnone.so"], "libnone9", {}),
    (error) =>
      error instanceof LibraryError && error.library === "libnone.so.9" &&
      /apt-get install libnone9/.test(error.message) && error.cause instanceof Error,
  );
});

Deno.test("a function that is not there counts as a library that is not there", () => {
  const symbols = { no_such_function: { parameters: [], result: "void" } } as const;
  assert.throws(() => openLibrary(["libc.so.6"], "libc6", symbols), LibraryError);
});

Deno.test("the library says its version without a driver", () => {
  using dm = DeviceMapper.open();
  assert.match(dm.libraryVersion(), /^\d+\.\d+\.\d+/);
});

Deno.test({
  name: "without a driver every operation says so, and none leaves a control node behind",
  ignore: mayHaveDriver(),
  fn: async () => {
    using dm = DeviceMapper.open();
    const table = [{ start: 0n, length: 8n, type: "zero", params: "" }];
    const operations: (() => unknown)[] = [
      () => dm.driverVersion(),
      () => dm.create("a"),
      () => dm.createWithTable("a", table),
      () => dm.reload("a", table),
      () => dm.resume("a"),
      () => dm.suspend("a", { noflush: true }),
      () => dm.remove("a"),
      () => dm.rename("a", "b"),
      () => dm.clear("a"),
      () => dm.info("a"),
      () => dm.deps("a"),
      () => dm.table("a"),
      () => dm.status("a"),
      () => dm.message("a", 0n, "ping"),
      () => dm.list(),
      () => dm.versions(),
      () => dm.waitEvent("a", 0n),
    ];
    for (const operation of operations) {
      await assert.rejects(
        async () => await operation(),
        (error) => error instanceof NoDeviceMapperError && error.code === "ENODEV",
        `${operation}`,
      );
    }
    assert.equal(existsSync("/dev/mapper/control"), false);
  },
});

Deno.test("names are checked before anything else", async () => {
  using dm = DeviceMapper.open();
  assert.throws(() => dm.info("a/b"), { operation: "info", device: "a/b", code: "EINVAL" });
  await assert.rejects(dm.remove(""), DeviceMapperError);
  await assert.rejects(dm.rename("a", "control"), { operation: "rename", device: "control" });
  await assert.rejects(dm.create("x".repeat(128)), { code: "ENAMETOOLONG" });
});

Deno.test("a released device mapper refuses, and a second release does no harm", () => {
  const dm = DeviceMapper.open();
  dm[Symbol.dispose]();
  dm[Symbol.dispose]();
  assert.throws(() => dm.list(), /after its release/);
});

Deno.test("an error's text has device, operation, errno and what the kernel said", () => {
  const error = new DeviceMapperError("reload", "disk", 22, {
    kernelLog: ["table: 253:0: remap: spare_len must be a number (-EINVAL)"],
  });
  assert.equal(
    error.message,
    "disk: reload failed: Invalid argument (EINVAL); the kernel says: " +
      "table: 253:0: remap: spare_len must be a number (-EINVAL)",
  );
});
