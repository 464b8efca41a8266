// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { DeviceMapper, TargetSpec } from "../../ffi/libdevmapper.ts";
import { RefusedError, UsageError } from "../device/errors.ts";
import { FakeSystem } from "../device/fake_system.ts";
import {
  type PersistentOptions,
  type PersistentPlan,
  planPersistent,
  prepareSpare,
} from "../device/lifecycle.ts";
import { formatTable, parseTable } from "../device/table_line.ts";
import { MemoryImage } from "../metadata/image.ts";
import { MemoryTerminal, type MemoryTerminalOptions } from "../output/memory_terminal.ts";
import { create, type FeatureOptions, featuresOf } from "./create.ts";
import { runTool } from "./support/fake_mapper.ts";
import { type GlobalOptions, Session } from "./support/session.ts";

Deno.test("a volatile device has no table to format", async () => {
  const { code, err } = await runTool([
    "create",
    "r0",
    "/dev/a",
    "/dev/b",
    "--volatile",
    "--format",
  ]);
  assert.equal(code, 2);
  assert.match(err, /--format/);
});

Deno.test("wrong values are usage errors", async () => {
  const wrong = [
    ["--retries", "many"],
    ["--retries", "4294967296"],
    ["--length", "-1"],
    ["--pending-policy", "maybe"],
    ["--units", "kB"],
  ];
  for (const option of wrong) {
    const { code } = await runTool(["create", "r0", "/dev/a", "/dev/b", ...option]);
    assert.equal(code, 2, option.join(" "));
  }
  assert.equal((await runTool(["create", "a/b", "/dev/a", "/dev/b"])).code, 2);
});

Deno.test("what is no block device is refused", async () => {
  for (const path of ["/nonexistent", "/tmp", "/dev/null", import.meta.filename ?? ""]) {
    const { code, err } = await runTool(["create", "r0", path, path, "--json"]);
    assert.equal(code, 1, path);
    assert.ok(JSON.parse(err).error.device.includes(path), err);
  }
});

Deno.test("options of a list want a list, and a list wants a device that can be written", async () => {
  const list = ["--badblocks", "/dev/null"];
  const wrong = [
    ["--block-size", "4096"],
    ["--block-size", "4096", "--ddrescue", "/dev/null"],
    ["--states", "-"],
    ["--states", "-", ...list],
    ["--pending"],
    ["--list-offset", "8"],
    [...list, "--ddrescue", "/dev/null"],
    [...list, "--block-size", "0"],
    [...list, "--read-only"],
  ];
  for (const options of wrong) {
    const { code } = await runTool(["create", "r0", "/dev/a", "/dev/b", ...options]);
    assert.equal(code, 2, options.join(" "));
  }
  // The devices are looked at before the list is.
  const { code, err } = await runTool(["create", "r0", "/nonexistent", "/dev/b", ...list]);
  assert.equal(code, 1);
  assert.match(err, /\/nonexistent/);
});

Deno.test("each option is the feature argument of its name", () => {
  const line = (options: Partial<FeatureOptions>) => {
    const features = featuresOf({ autoRemap: true, ...options });
    return formatTable({ ...parseTable("0 8 remap 8:0 0 8:16 0 8"), features }).split(" ").slice(8);
  };
  const cases: [Partial<FeatureOptions>, string][] = [
    [{}, ""],
    [{ volatile: true }, "1 volatile"],
    [{ maxRemaps: 0n }, "2 max_remaps 0"],
    [{ autoRemap: false }, "1 no_auto_remap"],
    [{ retries: 7n }, "2 retries 7"],
    [{ retryDelayMs: 0n }, "2 retry_delay_ms 0"],
    [{ proactive: true }, "1 proactive"],
    [{ pendingPolicy: "verify" }, "2 pending_policy verify"],
    [{ verifyReads: true }, "1 verify_reads"],
    [{ scanIntervalS: 86_400n }, "2 scan_interval_s 86400"],
  ];
  for (const [options, words] of cases) assert.equal(line(options).join(" "), words);
});

const OPTIONS = { name: "r0", main: "/dev/none-a", spare: "/dev/none-b", features: {} };

/** A machine of two disks, which this one does not have: to write to the spare would fail. */
class Bench {
  readonly system = new FakeSystem()
    .disk("none-a", { number: "4000:0", sectors: 8192n, attributes: { serial: "MAIN" } })
    .disk("none-b", { number: "4000:16", sectors: 4096n });
  readonly image = new MemoryImage(4096 * 512);
  /** What the device mapper was told. */
  readonly told: string[] = [];

  plan(options: PersistentOptions): Promise<PersistentPlan> {
    return planPersistent(options, this.system, () => this.image);
  }

  /** The spare holds a table of main. */
  async used(): Promise<this> {
    prepareSpare(await this.plan(OPTIONS), () => this.image);
    return this;
  }

  async run(
    more: Partial<PersistentOptions>,
    global: GlobalOptions,
    io?: MemoryTerminalOptions,
  ): Promise<MemoryTerminal> {
    const terminal = new MemoryTerminal(io);
    const dm = {
      driverVersion: () => this.told.push("open"),
      info: () => undefined,
      createWithTable: (name: string, [line]: TargetSpec[]) => {
        this.told.push(`create ${name} ${line?.params}`);
        return Promise.resolve();
      },
      [Symbol.dispose]: () => {},
    };
    const openDeviceMapper = () => dm as unknown as DeviceMapper;
    const session = new Session({ terminal, openDeviceMapper });
    session.begin(global);
    const options = { ...OPTIONS, ...more };
    await create(session, options, {}, this.plan(options));
    return terminal;
  }
}

Deno.test("--dry-run says what would be written and loaded, asks nobody, and does nothing", async () => {
  const bench = await new Bench().used();
  const goesOn = await bench.run({}, { dryRun: true });
  assert.match(goesOn.out, /0 8192 remap 4000:0 0 4000:16 0 4096/);
  assert.match(goesOn.out, /go on with the table that \/dev\/none-b holds: 0 sectors/);
  for (const more of [{ format: true as const }, { format: true as const, force: true as const }]) {
    const anew = await bench.run(more, { dryRun: true });
    assert.match(anew.out, /write an empty table to sectors 0\+\d+ of \/dev\/none-b/);
    assert.doesNotMatch(anew.err, /Go on\?/);
  }
  const forgetful = { features: { volatile: true }, force: true } as const;
  const { out } = await bench.run(forgetful, { dryRun: true });
  assert.match(out, /remap 4000:0 0 4000:16 0 4096 1 volatile/);
  assert.match(out, /overwrite sectors 0\+16 of \/dev\/none-b with zeroes/);
  assert.deepEqual(bench.told, []);
});

Deno.test("a table is forgotten only if somebody says so", async () => {
  const bench = await new Bench().used();
  const format = { format: true } as const;
  await assert.rejects(bench.run(format, {}), (error) => {
    assert.ok(error instanceof UsageError, `${error}`);
    assert.match(error.message, /starts with an empty table/);
    return true;
  });
  for (const input of [[], ["n"], [""], ["yesterday"]]) {
    await assert.rejects(bench.run(format, {}, { interactive: true, input }), RefusedError);
  }
  assert.deepEqual(bench.told.filter((word) => word !== "open"), []);
});

Deno.test("--force is a question as well, and --yes an answer", async () => {
  const force = { features: { volatile: true }, force: true } as const;
  const created = "create r0 4000:0 0 4000:16 0 4096 1 volatile";
  const bench = new Bench();
  await assert.rejects(bench.run(force, {}), UsageError);
  await assert.rejects(bench.run(force, {}, { interactive: true, input: ["n"] }), RefusedError);
  assert.deepEqual(bench.told, ["open", "open"]);
  const asked = await bench.run(force, {}, { interactive: true, input: ["y"] });
  assert.match(asked.err, /creates the device with --force\nGo on\?/);
  const told = await bench.run(force, { yes: true });
  assert.doesNotMatch(told.err, /Go on\?/);
  assert.deepEqual(bench.told.slice(2), ["open", created, "open", created]);
});

Deno.test("nobody is asked where nothing is lost", async () => {
  const bench = new Bench();
  const { out } = await bench.run({ features: { volatile: true } }, {});
  assert.match(out, /created \/dev\/mapper\/r0: 4 MiB of \/dev\/none-a, spare 2 MiB/);
});
