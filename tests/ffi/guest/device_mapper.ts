// SPDX-License-Identifier: GPL-2.0-only
// libdevmapper's binding against the real library and the real driver.
import assert from "node:assert/strict";
import { nodePath } from "../../../ffi/dm_names.ts";
import { DeviceMapperError } from "../../../ffi/errors.ts";
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import {
  BLOCK,
  codeOf,
  exists,
  line,
  linear,
  MAIN,
  MAIN_SECTORS,
  nodes,
  numberOf,
  open,
  settlesWithin,
  SPARE,
  stamp,
  temporaryDevice,
} from "./support.ts";

const dm = DeviceMapper.open();

Deno.test("versions of the library, the driver and the targets", () => {
  assert.match(dm.libraryVersion(), /^1\.02\./);
  assert.match(dm.driverVersion(), /^4\.\d+\.\d+$/);
  const linearVersion = dm.versions().find(({ name }) => name === "linear");
  assert.match(linearVersion?.version ?? "", /^\d+\.\d+\.\d+$/);
  assert.deepEqual(dm.list(), []);
});

Deno.test("a device's life, step by step", async () => {
  await dm.create("step", { uuid: "TEST-step" });
  assert.equal(dm.info("step")?.liveTable, false);
  assert.equal(dm.info("step")?.uuid, "TEST-step");
  assert.deepEqual(dm.table("step"), []);
  await dm.reload("step", linear());
  assert.equal(dm.info("step")?.inactiveTable, true);
  await dm.clear("step");
  assert.equal(dm.info("step")?.inactiveTable, false);
  await dm.reload("step", linear());
  await dm.resume("step");
  const info = dm.info("step");
  assert.equal(info?.liveTable, true);
  assert.equal(info?.suspended, false);
  assert.equal(info?.targetCount, 1);
  assert.equal(info?.openCount, 0);
  assert.equal(info?.readOnly, false);
  assert.deepEqual(dm.table("step"), linear());
  assert.deepEqual(dm.deps("step").map((it) => `${it.major}:${it.minor}`), [numberOf(MAIN)]);
  assert.deepEqual(dm.list(), [{ name: "step", major: info!.major, minor: info!.minor }]);
  assert.equal(numberOf("/dev/mapper/step"), `${info!.major}:${info!.minor}`);
  await dm.remove("step");
  assert.equal(dm.info("step"), undefined);
  assert.equal(exists("/dev/mapper/step"), false);
});

Deno.test("several targets: table and status give each", async () => {
  const targets = [
    line(0n, 64n, "linear", `${numberOf(MAIN)} 8`),
    line(64n, 64n, "zero"),
    line(128n, 64n, "error"),
  ];
  await using device = await temporaryDevice(dm, "several", targets);
  assert.deepEqual(dm.table("several"), targets);
  assert.deepEqual(
    dm.status("several").map(({ start, length, type }) => ({ start, length, type })),
    targets.map(({ start, length, type }) => ({ start, length, type })),
  );
  using file = open(device.path);
  assert.deepEqual(await file.read(64n * 512n, BLOCK), new Uint8Array(BLOCK));
  const codes = await Promise.all(
    Array.from({ length: 96 }, (_, i) => codeOf(file.read(BigInt(i % 24) * 4096n, BLOCK))),
  );
  codes.forEach((code, i) => assert.equal(code, i % 24 < 16 ? "none" : "EIO", `request ${i}`));
});

Deno.test("a table that the kernel refuses: its reason, and no device left", async () => {
  const targets = [line(0n, MAIN_SECTORS * 2n, "linear", `${numberOf(MAIN)} 0`)];
  await assert.rejects(dm.createWithTable("refused", targets), (error) => {
    assert.ok(error instanceof DeviceMapperError);
    assert.equal(error.operation, "reload");
    assert.equal(error.device, "refused");
    assert.equal(error.code, "EINVAL");
    return true;
  });
  assert.equal(dm.info("refused"), undefined);
  assert.equal(exists("/dev/mapper/refused"), false);
  const nonsense = [line(0n, 8n, "linear", "one two three")];
  await assert.rejects(
    dm.createWithTable("refused", nonsense),
    /refused: reload failed: Invalid argument \(EINVAL\); the kernel says: .*linear: Invalid arg/,
  );
  await assert.rejects(dm.createWithTable("refused", []), DeviceMapperError);
  const unknown = [line(0n, 8n, "no_such_target")];
  await assert.rejects(dm.createWithTable("refused", unknown), /no_such_target: unknown target/);
  assert.deepEqual(dm.list(), []);
});

Deno.test("every operation on a device that is not there says so", async () => {
  const operations: [string, () => unknown][] = [
    ["reload", () => dm.reload("absent", linear())],
    ["resume", () => dm.resume("absent")],
    ["suspend", () => dm.suspend("absent")],
    ["remove", () => dm.remove("absent")],
    ["rename", () => dm.rename("absent", "other")],
    ["clear", () => dm.clear("absent")],
    ["deps", () => dm.deps("absent")],
    ["table", () => dm.table("absent")],
    ["status", () => dm.status("absent")],
    ["message", () => dm.message("absent", 0n, "ping")],
    ["wait", () => dm.waitEvent("absent", 0n)],
  ];
  for (const [operation, run] of operations) {
    await assert.rejects(async () => await run(), {
      name: "DeviceMapperError",
      operation,
      device: "absent",
      code: "ENXIO",
    });
  }
  assert.equal(dm.info("absent"), undefined);
});

Deno.test("a name or a UUID that is taken", async () => {
  await using _device = await temporaryDevice(dm, "taken", linear(), { uuid: "TEST-taken" });
  await assert.rejects(dm.create("taken"), { operation: "create", code: "EBUSY" });
  await assert.rejects(dm.create("other", { uuid: "TEST-taken" }), { code: "EBUSY" });
  assert.equal(dm.info("other"), undefined);
});

Deno.test("odd names come back as they were given", async () => {
  const names = ["with blank", "ä ö", "x".repeat(127), "a+b=c:d@e#f", "quote'\"$", "back\\slash"];
  for (const name of names) {
    await dm.createWithTable(name, [line(0n, 8n, "zero")]);
    assert.deepEqual(dm.list().map((device) => device.name), [name]);
    assert.equal(dm.info(name)?.name, name);
    assert.deepEqual(nodes().map((node) => `/dev/mapper/${node}`), [nodePath(name)]);
    assert.equal(dm.info(nodePath(name).slice("/dev/mapper/".length))?.minor, dm.info(name)?.minor);
    await dm.remove(name);
    assert.deepEqual(nodes(), []);
  }
});

Deno.test("renaming moves the node, and a taken name refuses", async () => {
  await using _other = await temporaryDevice(dm, "other", linear());
  await using _device = await temporaryDevice(dm, "before", linear());
  await dm.rename("before", "after");
  assert.equal(dm.info("before"), undefined);
  assert.equal(exists("/dev/mapper/before"), false);
  assert.ok(exists("/dev/mapper/after"));
  await assert.rejects(dm.rename("after", "other"), { operation: "rename", code: "EBUSY" });
  await dm.remove("after");
});

Deno.test("a read-only table", async () => {
  await using device = await temporaryDevice(dm, "readonly", linear(), { readOnly: true });
  assert.equal(dm.info("readonly")?.readOnly, true);
  using file = open(device.path);
  assert.equal(await codeOf(file.write(0n, stamp(BLOCK, 1))), "EPERM");
});

Deno.test("an open device: removing is refused, or put off until it is closed", async () => {
  const device = await temporaryDevice(dm, "open", linear());
  {
    using _file = open(device.path);
    assert.equal(dm.info("open")?.openCount, 1);
    await assert.rejects(dm.remove("open"), { operation: "remove", code: "EBUSY" });
    await dm.remove("open", { deferred: true });
    assert.equal(dm.info("open")?.deferredRemove, true);
  }
  for (let i = 0; i < 1500 && dm.info("open") !== undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(dm.info("open"), undefined);
  await dm.create("open"); // its node is stale now: the next device of that name puts it right
  await dm.remove("open");
  assert.equal(exists("/dev/mapper/open"), false);
});

Deno.test("a suspended device holds I/O and lets the program go on", async () => {
  await using device = await temporaryDevice(dm, "held", linear());
  using file = open(device.path);
  await dm.suspend("held");
  assert.equal(dm.info("held")?.suspended, true);
  const write = file.write(0n, stamp(BLOCK, 1));
  assert.equal(await codeOf(file.read(8192n, BLOCK, { nowait: true })), "EAGAIN");
  assert.equal(await settlesWithin(write, 200), false);
  await dm.resume("held");
  await write;
  assert.deepEqual(await file.read(0n, BLOCK), stamp(BLOCK, 1));
});

Deno.test("changes do not wait for each other: a suspend may need another device's resume", async () => {
  await using below = await temporaryDevice(dm, "below", linear());
  const over = [line(0n, MAIN_SECTORS, "linear", `${numberOf(below.path)} 0`)];
  await using above = await temporaryDevice(dm, "above", over);
  using file = open(above.path);
  await dm.suspend("below");
  const write = file.write(0n, stamp(BLOCK, 2));
  const suspend = dm.suspend("above"); // drains the write, which is stuck below
  assert.equal(await settlesWithin(suspend, 200), false);
  await dm.resume("below");
  await Promise.all([write, suspend]);
  await dm.resume("above");
});

Deno.test("many changes at once", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => dm.createWithTable(name, [line(0n, 8n, "zero")])));
  assert.deepEqual(new Set(dm.list().map(({ name }) => name)), new Set(names));
  assert.ok(names.every((name) => exists(`/dev/mapper/${name}`)));
  await Promise.all(names.map((name) => dm.remove(name)));
  assert.deepEqual(dm.list(), []);
  assert.ok(names.every((name) => !exists(`/dev/mapper/${name}`)));
});

Deno.test("messages: no reply, a reply, a large reply, a refusal with the kernel's reason", async () => {
  await using _device = await temporaryDevice(dm, "message", linear());
  assert.equal((await dm.message("message", 0n, "@stats_create - 1"))?.trim(), "0");
  assert.equal(await dm.message("message", 0n, "@stats_delete 0"), undefined);
  for (let i = 0; i < 200; i++) {
    await dm.message("message", 0n, `@stats_create - /1 ${"long-name-".repeat(12)} some-data-here`);
  }
  const reply = await dm.message("message", 0n, "@stats_list") ?? "";
  assert.ok(reply.length > 16 * 1024, `${reply.length} characters`);
  assert.equal(reply.trim().split("\n").length, 200);
  await assert.rejects(dm.message("message", 0n, "ping"), {
    operation: "message",
    device: "message",
    code: "EINVAL",
  });
  await assert.rejects(dm.message("message", MAIN_SECTORS, "ping"), { code: "EINVAL" });
});

Deno.test("waiting for an event ends at once when it is aborted", async () => {
  await using _device = await temporaryDevice(dm, "wait", linear());
  const eventNr = dm.info("wait")!.eventNr;
  await assert.rejects(
    dm.waitEvent("wait", eventNr, AbortSignal.timeout(50)),
    { name: "TimeoutError" },
  );
  await assert.rejects(dm.waitEvent("wait", eventNr, AbortSignal.abort("why")), (error) => {
    assert.equal(error, "why");
    return true;
  });
  assert.equal(await dm.waitEvent("wait", eventNr + 7n), eventNr, "differs at once");
});

Deno.test("waiting for an event of a device that goes away", async () => {
  const device = await temporaryDevice(dm, "goes", linear());
  await using _other = await temporaryDevice(dm, "stays", linear());
  const waits = Array.from({ length: 8 }, () => dm.waitEvent("goes", dm.info("goes")!.eventNr));
  const stays = new AbortController();
  const other = dm.waitEvent("stays", dm.info("stays")!.eventNr, stays.signal);
  assert.equal(await settlesWithin(Promise.race(waits), 100), false);
  await device[Symbol.asyncDispose]();
  for (const wait of waits) await assert.rejects(wait, { operation: "wait", code: "ENXIO" });
  assert.equal(await settlesWithin(other, 100), false, "another device's event is not its own");
  stays.abort(new Error("enough"));
  await assert.rejects(other, /enough/);
});

Deno.test("direct files on a device: sizes, discard, zeroout, cache", async () => {
  using file = open(SPARE);
  assert.equal(file.size(), 16n * 1024n * 1024n);
  assert.equal(file.logicalBlockSize(), 512);
  await file.write(0n, stamp(2 * BLOCK, 3), { dsync: true });
  await file.zeroout(BigInt(BLOCK), BigInt(BLOCK));
  assert.deepEqual(await file.read(BigInt(BLOCK), BLOCK), new Uint8Array(BLOCK));
  assert.deepEqual(await file.read(0n, BLOCK), stamp(2 * BLOCK, 3).subarray(0, BLOCK));
  await file.flush();
  file.dropCache();
  assert.equal(await codeOf(file.discard(0n, BigInt(BLOCK))), "none");
  assert.equal(await codeOf(file.discard(1n, BigInt(BLOCK))), "EINVAL");
  assert.equal(await codeOf(file.read(100n, 512)), "EINVAL");
  assert.equal(await codeOf(file.write(file.size(), stamp(512, 0))), "ENOSPC");
  assert.equal((await file.read(file.size() - 512n, 4096)).length, 512);
});

Deno.test("nothing is left behind", () => {
  assert.deepEqual(dm.list(), []);
  assert.deepEqual(nodes(), []);
});

Deno.test("many devices made and removed at once leave no node", async () => {
  const names = Array.from({ length: 12 }, (_, i) => `many${i}`);
  const left = () => nodes().filter((name) => name.startsWith("many"));
  for (let round = 0; round < 40; round++) {
    await Promise.all(names.map((name) => dm.createWithTable(name, [line(0n, 8n, "zero")])));
    assert.deepEqual(left(), names.toSorted(), `round ${round}`);
    await Promise.all(names.map((name) => dm.remove(name, { retry: true })));
    assert.deepEqual(left(), [], `round ${round}`);
  }
});
