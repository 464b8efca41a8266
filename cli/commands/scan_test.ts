// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { DeviceMapperError } from "../../ffi/errors.ts";
import { run } from "../app.ts";
import { MemoryTerminal } from "../output/memory_terminal.ts";
import { FakeMapper, HEALTHY, LOSING, runTool } from "./support/fake_mapper.ts";
import { Session } from "./support/session.ts";

const EBUSY = 16;
const SCAN = "start=0 end=204799";

/** Answers `scan status` with one reply after the other, the last one for good. */
function scanning(replies: readonly string[], status = HEALTHY): FakeMapper {
  const left = [...replies];
  return new FakeMapper({
    r0: {
      status,
      answer: (message) =>
        message === "scan status" ? (left.length > 1 ? left.shift()! : left[0]!) : replies[0]!,
    },
  });
}

const RUNNING = `scan=running progress=25% ${SCAN} position=51200 errors=0 yields=7`;
const FOUND = `scan=running progress=50% ${SCAN} position=102400 errors=2 yields=7`;
const DONE = `scan=done progress=100% ${SCAN} position=204800 errors=0 yields=7`;
const BAD = `scan=done progress=100% ${SCAN} position=204800 errors=2 yields=7`;

Deno.test("a scan of everything, or of a range, is started and left alone", async () => {
  const mapper = scanning([RUNNING]);
  const { code, out } = await runTool(["scan", "r0"], mapper);
  assert.deepEqual([code, out], [0, "scan of 0-204799 (100 MiB) of r0 started\n"]);
  await runTool(["scan", "r0", "8+8"], mapper);
  await runTool(["scan", "/dev/mapper/r0", "100-200"], mapper);
  assert.deepEqual(mapper.messages, ["scan 0 204799", "scan 8 15", "scan 100 200"]);
});

Deno.test("--wait follows the scan to its end", async () => {
  const mapper = scanning([RUNNING, FOUND, BAD], LOSING);
  const { code, out, err } = await runTool(["scan", "r0", "--wait"], mapper);
  assert.equal(code, 3, "two sectors are lost");
  assert.equal(
    out,
    "scan of 0-204799 (100 MiB) of r0 done: 2 sectors (1 KiB) unreadable, see " +
      "`dmremap-ts entries r0`\n",
  );
  assert.equal(err, "", "no bar where there is no terminal");
  assert.deepEqual(mapper.messages.slice(0, 2), ["scan 0 204799", "scan status"]);
});

Deno.test("on a terminal there is a bar, and in the end it is gone", async () => {
  const mapper = scanning([RUNNING, FOUND, DONE]);
  const { code, err } = await runTool(["scan", "r0", "--wait"], mapper, { interactive: true });
  assert.equal(code, 0);
  assert.match(err, /r0 \[=+-+\] 50% .*, 2 sectors unreadable/);
  assert.ok(err.endsWith("\x1b[1G\x1b[2K"), JSON.stringify(err.slice(-40)));
  for (const flag of ["--json", "--quiet"]) {
    const quiet = await runTool(["scan", "r0", "--wait", flag], scanning([RUNNING, DONE]), {
      interactive: true,
    });
    assert.equal(quiet.err, "", flag);
  }
});

Deno.test("a scan that does not reach its end is a failure for those who waited", async () => {
  const at = `progress=50% ${SCAN} position=102400 errors=0 yields=7`;
  const cases: [string, RegExp][] = [
    [`scan=stopped ${at}`, /the scan was stopped at sector 102400/],
    [`scan=failed ${at}`, /the scan failed at sector 102400/],
    ["scan=running progress=0% start=8 end=15 position=8 errors=0 yields=7", /another scan/],
  ];
  for (const [reply, warning] of cases) {
    const { code, err } = await runTool(["scan", "r0", "--wait"], scanning([RUNNING, reply]));
    assert.equal(code, 1, reply);
    assert.match(err, warning);
  }
});

Deno.test("--status and --stop", async () => {
  const paused = RUNNING.replace("running", "paused");
  const cases: [string, RegExp][] = [
    [RUNNING, /^r0: scan running\n {2}sectors: +0-204799 \(100 MiB\)\n.*25%, up to 51200\n/],
    [paused, /^r0: scan paused, because the device is suspended\n/],
    [
      BAD,
      /^r0: last scan done\n(.*\n)+ {2}unreadable: 2 sectors \(1 KiB\)\n {2}gave way: +7 times to other I\/O\n$/,
    ],
    ["scan=idle progress=0% start=0 end=0 position=0 errors=0 yields=7", /^r0: no scan since/],
  ];
  for (const [reply, words] of cases) {
    const { code, out } = await runTool(["scan", "r0", "--status"], scanning([reply]));
    assert.equal(code, 0);
    assert.match(out, words);
  }
  const mapper = scanning([RUNNING.replace("running", "stopped")]);
  const { out } = await runTool(["scan", "r0", "--stop"], mapper);
  assert.equal(out, "scan of 0-204799 (100 MiB) of r0 stopped at 25%: nothing unreadable\n");
  assert.deepEqual(mapper.messages, ["scan stop"]);
});

Deno.test("sectors that are unreadable afterwards make exit code 3", async () => {
  const pending = HEALTHY.replace("pending=0", "pending=1");
  for (const status of [LOSING, pending]) {
    for (const args of [["--status"], ["--stop"], ["--wait"], ["--status", "--wait"]]) {
      const { code } = await runTool(["scan", "r0", ...args], scanning([BAD], status));
      assert.equal(code, 3, args.join(" "));
    }
    assert.equal((await runTool(["scan", "r0"], scanning([RUNNING], status))).code, 0);
  }
});

Deno.test("JSON has sectors as numbers, and what is unreadable afterwards", async () => {
  const { out } = await runTool(["scan", "r0", "--wait", "--json"], scanning([FOUND, BAD], LOSING));
  assert.deepEqual(JSON.parse(out), {
    schema_version: 1,
    name: "r0",
    state: "done",
    progress_percent: 100,
    start_sectors: 0,
    length_sectors: 204800,
    position_sectors: 204800,
    unreadable_sectors: 2,
    yields: 7,
    pending_sectors: 0,
    lost_sectors: 2,
  });
});

Deno.test("what cannot be meant is refused before anything is sent", async () => {
  const cases = [
    ["scan", "r0", "204800"],
    ["scan", "r0", "204799+2"],
    ["scan", "r0", "5-4"],
    ["scan", "r0", "x"],
    ["scan", "r0", "1", "2"],
    ["scan", "r0", "1", "--stop"],
    ["scan", "r0", "1", "--status"],
    ["scan", "r0", "--stop", "--status"],
    ["scan", "r0", "--stop", "--wait"],
    ["scan"],
  ];
  for (const args of cases) {
    const mapper = scanning([RUNNING]);
    assert.equal((await runTool(args, mapper)).code, 2, args.join(" "));
    assert.deepEqual(mapper.messages, []);
  }
});

Deno.test("a second scan is told how to go on", async () => {
  const mapper = new FakeMapper({
    r0: {
      answer: () => {
        throw new DeviceMapperError("message", "r0", EBUSY);
      },
    },
  });
  const { code, err } = await runTool(["scan", "r0", "--wait"], mapper);
  assert.equal(code, 5);
  assert.match(err, /a scan is under way\n.*\n {2}do: {2}dmremap-ts scan r0 --status/s);
});

Deno.test("a dry run shows the message and sends none", async () => {
  const mapper = scanning([RUNNING]);
  for (
    const [args, message] of [[[], "scan 0 204799"], [["8"], "scan 8 8"], [["--stop"], "scan stop"]]
  ) {
    const { out } = await runTool(["scan", "r0", ...args as string[], "-n"], mapper);
    assert.equal(out, `dmsetup message r0 0 ${message as string}\n`);
  }
  assert.deepEqual(mapper.messages, []);
});

Deno.test("an interrupt ends the waiting, and says that the scan goes on", async () => {
  const terminal = new MemoryTerminal();
  const interrupt = new AbortController();
  const mapper = new FakeMapper({
    r0: {
      answer: (message) => {
        if (message === "scan status") interrupt.abort(new Error("got SIGINT"));
        return RUNNING;
      },
    },
  });
  const openDeviceMapper = () => mapper as unknown as DeviceMapper;
  const session = new Session({ terminal, signal: interrupt.signal, openDeviceMapper });
  assert.equal(await run(["scan", "r0", "--wait"], session), 130);
  assert.match(
    terminal.err,
    /the scan of r0 goes on \(25%\); `dmremap-ts scan r0 --stop` stops it/,
  );
  assert.equal(mapper.messages.includes("scan stop"), false);
});
