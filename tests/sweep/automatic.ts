// SPDX-License-Identifier: GPL-2.0-only
//
// What is swept: what the target does by itself when it meets bad sectors.
import { parseScan } from "../../cli/device/scan.ts";
import type { Range } from "../suite/guest/range.ts";
import { contract } from "../model/promises.ts";
import { SECTORS } from "./rig.ts";
import { AROUND, INSIDE, type Operation, remapSpan, SPAN } from "./scenes.ts";
import { milliseconds, within } from "./time.ts";
import type { Trial } from "./trial.ts";

const BAD: Range = { first: 102, count: 1 };
const ALSO_BAD: Range = { first: 105, count: 1 };

/** Main cannot read a sector, and somebody has tried. */
async function makePending(trial: Trial): Promise<void> {
  trial.spoilMain("read", BAD, "ioerr");
  await trial.read(AROUND);
}

async function writeAndRead(trial: Trial): Promise<void> {
  if (await trial.write(AROUND)) await trial.readWritten(AROUND);
}

/** The whole device, to its end. */
async function scan(trial: Trial): Promise<void> {
  const { target } = trial.rig;
  await within(target.send(`scan 0 ${SECTORS - 1}`), "scan");
  const wait = async () => {
    for (;;) {
      const { state } = parseScan(await target.send("scan status"));
      if (state !== "running" && state !== "paused") return state;
      await milliseconds(2);
    }
  };
  const state = await within(wait(), "the scan");
  contract(
    state === "done" || (state === "failed" && !trial.blame.mustBeHidden),
    `the scan is ${state}`,
  );
}

export const AUTOMATIC_OPERATIONS: readonly Operation[] = [
  {
    name: "write, a bad sector",
    short: true,
    prepare: (trial) => trial.spoilMain("write", BAD, "ioerr"),
    run: writeAndRead,
  },
  {
    name: "write through, two bad sectors",
    prepare: (trial) => {
      trial.spoilMain("write", BAD, "medium");
      trial.spoilMain("write", ALSO_BAD, "medium");
    },
    run: async (trial) => {
      if (await trial.write(AROUND, { fua: true })) await trial.readWritten(AROUND);
    },
  },
  {
    name: "write, a bad sector and a bad slot",
    prepare: async (trial) => {
      await trial.spoilSlot("write", BAD.first, "medium");
      trial.spoilMain("write", BAD, "medium");
    },
    run: writeAndRead,
  },
  {
    name: "write, a slot that went bad",
    prepare: async (trial) => {
      await remapSpan(trial);
      await trial.spoilSlot("write", BAD.first, "ioerr");
    },
    run: writeAndRead,
  },
  {
    name: "read, a bad sector",
    short: true,
    prepare: (trial) => trial.spoilMain("read", BAD, "ioerr"),
    run: async (trial) => {
      await trial.read(AROUND);
      await trial.read({ first: BAD.first + 1, count: 4 });
    },
  },
  {
    name: "read, a sector that needs a second try",
    features: { retries: 3n },
    prepare: (trial) => trial.spoilMain("read", BAD, "medium", 1),
    run: async (trial) => {
      await trial.read(AROUND);
    },
  },
  {
    name: "read, a sector that needs a second try, proactive",
    features: { proactive: true, retries: 3n },
    prepare: (trial) => trial.spoilMain("read", BAD, "medium", 1),
    run: async (trial) => {
      await trial.read(AROUND);
    },
  },
  {
    name: "read, a slot that went bad, then write",
    prepare: async (trial) => {
      await remapSpan(trial);
      await trial.spoilSlot("read", BAD.first, "ioerr");
    },
    run: async (trial) => {
      await trial.read(AROUND);
      await writeAndRead(trial);
    },
  },
  {
    name: "write, a pending sector",
    short: true,
    prepare: makePending,
    run: async (trial) => {
      if (await trial.write(INSIDE)) await trial.readWritten(AROUND);
    },
  },
  {
    name: "write, a pending sector that has healed, verify",
    features: { pendingPolicy: "verify" },
    prepare: async (trial) => {
      await makePending(trial);
      trial.mendMain();
    },
    run: writeAndRead,
  },
  {
    name: "write, a pending sector, verify",
    features: { pendingPolicy: "verify" },
    prepare: makePending,
    run: writeAndRead,
  },
  {
    name: "remap and unmap, pending sectors",
    prepare: makePending,
    run: async (trial) => {
      await trial.remap([SPAN]);
      await trial.write(INSIDE);
      await trial.unmap(SPAN);
    },
  },
  {
    // Checksums of what was written must follow what has failed.
    name: "I/O and moves, verify_reads",
    features: { verifyReads: true },
    prepare: async (trial) => {
      await trial.write(AROUND);
      trial.spoilMain("write", BAD, "medium");
    },
    run: async (trial) => {
      await writeAndRead(trial);
      await trial.remap([SPAN]);
      await trial.write(INSIDE);
      await trial.read(AROUND);
      await trial.unmap(SPAN);
      await trial.read(AROUND);
    },
  },
  {
    name: "scan",
    prepare: async (trial) => {
      await remapSpan(trial);
      await trial.spoilSlot("read", BAD.first, "ioerr");
      trial.spoilMain("read", { first: 200, count: 1 }, "medium");
    },
    run: scan,
  },
  {
    name: "scan, suspend meanwhile",
    parkedOnly: true,
    prepare: async (trial) => {
      await remapSpan(trial);
      trial.spoilMain("read", BAD, "medium");
    },
    run: scan,
    meanwhile: (trial) => [
      within(trial.rig.suspend(), "suspend").then(() => trial.rig.resume()),
      trial.read(INSIDE),
    ],
  },
];
