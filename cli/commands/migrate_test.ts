// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import { run } from "../app.ts";
import { MemoryTerminal } from "../output/memory_terminal.ts";
import { FakeMapper, HEALTHY, runTool, type ToolResult } from "./support/fake_mapper.ts";
import { Session } from "./support/session.ts";

const NUMBERS = { copied: 40, total: 80, lost: 0 };

/** A device whose migration goes through these states, one a question. */
function mapper(...replies: readonly string[]): FakeMapper {
  const left = [...replies];
  const answer = (message: string) =>
    message === "migrate status" ? (left.length > 1 ? left.shift()! : left[0]!) : "stopped";
  return new FakeMapper({ r0: { status: HEALTHY, answer } });
}

function reply(state: string, fields: Partial<Record<string, number | string>> = {}): string {
  const { reason = "none", progress = 50, ...counts } = { ...NUMBERS, ...fields };
  const words = Object.entries(counts).map(([key, value]) => `${key}=${value}`);
  return `migrate=${state} progress=${progress}% ${words.join(" ")} reason=${reason}`;
}

const json = ({ out }: ToolResult) => JSON.parse(out);

Deno.test("migrate --status shows the one under way, or the last one", async () => {
  const running = await runTool(["migrate", "r0", "--status"], mapper(reply("running")));
  assert.equal(running.code, 0);
  assert.match(running.out, /r0: migrating\n +copied: +50%, 40 sectors/);
  const failed = mapper(reply("failed", { reason: "new_spare" }));
  const last = await runTool(["migrate", "r0", "--status"], failed);
  assert.match(last.out, /last migration failed[^]*new spare does not take/);
  assert.equal((await runTool(["migrate", "r0"], failed)).out, last.out);
  const none = mapper(reply("none", { copied: 0, total: 0, progress: 0 }));
  assert.match((await runTool(["migrate", "r0", "--status"], none)).out, /no migration since/);
  assert.deepEqual(json(await runTool(["migrate", "r0", "--status", "--json"], failed)), {
    schema_version: 1,
    name: "r0",
    state: "failed",
    progress_percent: 50,
    copied_sectors: 40,
    total_sectors: 80,
    lost_sectors: 0,
    reason: "new_spare",
  });
});

Deno.test("migrate --cancel ends the one under way, and says if there is none", async () => {
  const dm = mapper(reply("running"), reply("stopped", { reason: "asked_to" }));
  const { code, out } = await runTool(["migrate", "r0", "--cancel"], dm);
  assert.equal(code, 0);
  assert.match(out, /cancelled: r0 goes on with the spare that it has/);
  assert.ok(dm.messages.includes("migrate stop"));
  const idle = mapper(reply("done"));
  const refused = await runTool(["migrate", "r0", "--cancel"], idle);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /no migration is under way/);
  assert.ok(!idle.messages.includes("migrate stop"));
  const late = mapper(reply("running"), reply("done"));
  assert.match((await runTool(["migrate", "r0", "--cancel"], late)).out, /was done already/);
});

Deno.test("migrate --wait: the exit code tells how it ended", async () => {
  const done = mapper(reply("running"), reply("done", { progress: 100 }));
  const well = await runTool(["migrate", "r0", "--wait"], done);
  assert.equal(well.code, 0);
  assert.match(well.out, /the spare of r0 is 4000:16 now: 80 sectors .*relocated\n/);
  const lost = await runTool(["migrate", "r0", "--wait"], mapper(reply("done", { lost: 3 })));
  assert.equal(lost.code, 3);
  assert.match(lost.err, /3 sectors .*could not be read on the old spare and are lost/);
  for (const [state, reason] of [["failed", "full"], ["stopped", "asked_to"]] as const) {
    const ill = await runTool(["migrate", "r0", "--wait"], mapper(reply(state, { reason })));
    assert.equal(ill.code, 1);
    assert.match(ill.err, /too few slots|somebody cancelled it/);
    assert.match(ill.out, /goes on with the spare that it has/);
  }
});

Deno.test("a device that the kernel still holds is let go of after the switch", async () => {
  const dm = mapper(reply("done", { progress: 100 }));
  dm.held.push({ major: 4000, minor: 32 });
  const { code, out } = await runTool(["migrate", "r0", "--wait", "--json"], dm);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out).released, ["4000:32"]);
  assert.deepEqual(dm.standstills, ["suspend r0", "resume r0"]);
});

Deno.test("what cannot be meant is a usage error, a second migration is busy", async () => {
  for (
    const args of [
      ["--no-wait"],
      ["/dev/x", "--status"],
      ["/dev/x", "--cancel"],
      ["--status", "--cancel"],
      ["--status", "--force"],
      ["--wait", "--start", "8"],
    ]
  ) {
    const { code } = await runTool(["migrate", "r0", ...args], mapper(reply("none")));
    assert.equal(code, 2, args.join(" "));
  }
  const { code, err } = await runTool(["migrate", "r0", "/dev/x"], mapper(reply("running")));
  assert.equal(code, 5);
  assert.match(err, /a migration is under way[^]*--cancel/);
});

Deno.test("an interrupt ends the waiting, and says that the migration goes on", async () => {
  const terminal = new MemoryTerminal();
  const interrupt = new AbortController();
  const answer = (message: string) => {
    if (message === "migrate status") interrupt.abort(new Error("got SIGINT"));
    return reply("running");
  };
  const dm = new FakeMapper({ r0: { status: HEALTHY, answer } });
  const openDeviceMapper = () => dm as unknown as DeviceMapper;
  const session = new Session({ terminal, signal: interrupt.signal, openDeviceMapper });
  assert.equal(await run(["migrate", "r0", "--wait"], session), 130);
  assert.match(terminal.err, /migration of r0 goes on in the kernel \(50%\).*--cancel ends it/);
  assert.deepEqual([dm.messages.includes("migrate stop"), dm.standstills], [false, []]);
});
