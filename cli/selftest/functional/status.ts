// SPDX-License-Identifier: GPL-2.0-only
import { parseStats } from "../../device/messages.ts";
import { formatStatus, parseStatus } from "../../device/status_line.ts";
import { check, checkEqual, checkFails } from "../check.ts";
import { readSectors } from "../content.ts";
import type { Rig } from "../rig.ts";
import { type Bench, type FunctionalPart, MAIN_SECTORS, SPARE_SECTORS } from "./bench.ts";
import { HANDOVER_CASES } from "./handover.ts";
import { DEBUGFS_CASES } from "./debugfs.ts";
import { HEALTH_CASES } from "./health.ts";
import { SUSPEND_CASES } from "./suspend.ts";

async function isWordForWord(bench: Bench): Promise<void> {
  const rig = await bench.rig({
    faults: true,
    features: ["volatile", "retries", "1"],
    fill: false,
  });
  const line = (numbers: { remapped: number; lost: number; manual: number; percent: number }) =>
    `remapped=${numbers.remapped} lost=${numbers.lost} ` +
    `spare_used=${numbers.remapped}/${SPARE_SECTORS} (${numbers.percent}%) ` +
    `write_errors=0 read_errors=0 auto_remaps=0 manual_remaps=${numbers.manual} ` +
    `health=${numbers.lost > 0 ? "warning" : "good"} scan_progress=0% ` +
    `pending=0 spare_bad=0 verify_errors=0 transport_errors=0 mode=rw`;
  const expect = (what: string, numbers: Parameters<typeof line>[0]) => {
    const [status] = bench.dm.status(rig.name);
    checkEqual(
      what,
      `${status?.start} ${status?.length} ${status?.type} ${status?.params.trim()}`,
      `0 ${MAIN_SECTORS} remap ${line(numbers)}`,
    );
  };
  expect("the line of a new device", { remapped: 0, lost: 0, manual: 0, percent: 0 });
  await rig.relocate(0, 100);
  expect("after 100 sectors", { remapped: 100, lost: 0, manual: 100, percent: 4 });
  await rig.badMain([{ first: 500, count: 2 }]);
  await rig.relocate(500, 10, 2);
  expect("with 2 lost ones", { remapped: 110, lost: 2, manual: 110, percent: 5 });
  await rig.badMain([]);
  await rig.send("clear");
  expect("after clear", { remapped: 2, lost: 2, manual: 110, percent: 0 });
  await rig.send("clear force");
  expect("after clear by force", { remapped: 0, lost: 0, manual: 110, percent: 0 });
}

async function canBeParsed(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  await rig.relocate(8, 30);
  const line = rig.statusLine();
  checkEqual("the status, parsed and written again", formatStatus(parseStatus(line)), line);
}

async function addsUp(bench: Bench): Promise<void> {
  const rig = await bench.rig({
    faults: true,
    features: ["volatile", "retries", "1"],
    fill: false,
  });
  await rig.badSpare([{ first: 3, count: 1 }]);
  await rig.relocate(0, 20);
  await rig.send("unmap 5 3");
  const stats = await statsOf(rig);
  checkEqual("relocated", stats("remapped"), 17n);
  checkEqual("bad slots", stats("spare_bad"), 1n);
  const sum = stats("spare_used") + stats("spare_free");
  checkEqual("used + free", sum, stats("spare_total"));
  checkEqual("used", stats("spare_used"), stats("remapped") + stats("spare_bad"));
  checkEqual("total", stats("spare_total"), BigInt(SPARE_SECTORS));
  checkEqual("unmapped", stats("unmapped"), 3n);
  checkEqual("manual_remaps", stats("manual_remaps"), 20n);
  const status = rig.status();
  checkEqual("remapped in stats and status", stats("remapped"), status.remapped);
  checkEqual("spare_bad in stats and status", stats("spare_bad"), status.spareBad);
}

async function countsOnlyUp(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: ["volatile", "retries", "1"] });
  const names = [
    ...["read_errors", "write_errors", "lost_reads"],
    ...["auto_remaps", "manual_remaps", "unmapped", "moves"],
  ];
  let before = new Map<string, bigint>(names.map((name) => [name, 0n]));
  const steps: (() => Promise<unknown>)[] = [
    () => rig.badMain([{ first: 40, count: 4 }]),
    () => checkFails("a bad sector", "EIO", () => readSectors(rig.file, 40, 1)),
    () => rig.write(41, 1),
    () => rig.relocate(36, 12, 3),
    () => checkFails("a lost sector", "EIO", () => readSectors(rig.file, 42, 1)),
    () => rig.send("unmap 36 4"),
    () => rig.badMain([]),
    () => rig.send("clear force"),
    () => rig.relocate(100, 5),
  ];
  for (const step of steps) {
    await step();
    const stats = await statsOf(rig);
    const after = new Map(names.map((name) => [name, stats(name)]));
    for (const name of names) {
      const [from, to] = [before.get(name) ?? 0n, after.get(name) ?? 0n];
      check(`counter ${name}`, to >= from, { expected: `at least ${from}`, seen: to });
    }
    before = after;
  }
  checkEqual(
    "the counters in the end",
    before,
    new Map<string, bigint>([
      ["read_errors", 1n],
      ["write_errors", 1n],
      ["lost_reads", 1n],
      ["auto_remaps", 1n],
      ["manual_remaps", 16n],
      ["unmapped", 12n],
      ["moves", 4n],
    ]),
  );
}

async function raisesEvents(bench: Bench): Promise<void> {
  const rig = await bench.rig({ faults: true, features: ["volatile", "retries", "1"] });
  const steps: [string, () => Promise<unknown>][] = [
    ["remap", () => rig.send("remap 10 4")],
    ["unmap", () => rig.send("unmap 10 1")],
    ["clear", () => rig.send("clear")],
  ];
  for (const [name, step] of steps) {
    const before = bench.dm.info(rig.name)?.eventNr ?? 0n;
    const limit = AbortSignal.timeout(60_000);
    const waiting = bench.dm.waitEvent(rig.name, before, limit);
    const [event] = await Promise.all([waiting, step()]);
    check(`the event number after ${name}`, event > before, {
      expected: `> ${before}`,
      seen: event,
    });
  }
}

type Stats = (key: string) => bigint;

async function statsOf(rig: Rig): Promise<Stats> {
  const stats = parseStats(await rig.send("stats"));
  return (key) => {
    const value = stats.get(key);
    check(`counter ${key} in stats`, typeof value === "bigint", {
      expected: "a number",
      seen: value,
    });
    return typeof value === "bigint" ? value : 0n;
  };
}

export const STATUS: FunctionalPart = {
  name: "8 status counters",
  cases: [
    { name: "the line, word for word", run: isWordForWord },
    { name: "the line through our own codec", run: canBeParsed },
    { name: "used, free and bad slots add up", run: addsUp },
    { name: "counters only grow, by what happened", run: countsOnlyUp },
    { name: "changes wake who waits for an event", run: raisesEvents },
    ...SUSPEND_CASES,
    ...HANDOVER_CASES,
    ...HEALTH_CASES,
    ...DEBUGFS_CASES,
  ],
};
