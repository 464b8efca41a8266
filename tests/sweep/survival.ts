// SPDX-License-Identifier: GPL-2.0-only
//
// What is swept with a table that lasts: its commits, its checkpoints, and how it starts.
import { AROUND, INSIDE, losePart, type Operation, OUTSIDE, remapSpan, SPAN } from "./scenes.ts";
import { within } from "./time.ts";
import type { Trial } from "./trial.ts";

const BAD = { first: 102, count: 1 };

/** Some of everything: relocated, lost and pending sectors, and a slot that went bad. */
async function fillTable(trial: Trial): Promise<void> {
  await trial.spoilSlot("write", 220, "medium");
  await trial.remap([{ first: 220, count: 2 }]);
  await losePart(trial);
  trial.spoilMain("read", { first: 201, count: 1 }, "medium");
  await trial.read(OUTSIDE);
  await trial.write({ first: 104, count: 4 });
}

/** Two sectors each time, each time a commit; the journal's ring has eight blocks. */
async function commit(trial: Trial, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await trial.remap([{ first: 40 + 3 * i, count: 2 }]);
}

const NOBODY = (): Promise<unknown>[] => [];

const COMMITS: readonly Operation[] = [
  {
    name: "lasting: remap",
    short: true,
    run: (trial) => trial.remap([SPAN, { first: 120, count: 1 }]),
  },
  {
    name: "lasting: remap, a full journal",
    prepare: (trial) => commit(trial, 0, 7),
    run: (trial) => commit(trial, 7, 9),
  },
  {
    name: "lasting: remap, a bad slot, a bad block of the journal",
    prepare: async (trial) => {
      await trial.spoilSlot("write", 101, "ioerr");
      trial.spoilJournal(3);
      trial.spoilJournal(4);
    },
    run: async (trial) => {
      await trial.remap([SPAN]);
      await trial.remap([OUTSIDE]);
    },
  },
  {
    name: "lasting: write, a bad sector",
    prepare: (trial) => trial.spoilMain("write", BAD, "ioerr"),
    run: async (trial) => {
      if (await trial.write(AROUND)) await trial.readWritten(AROUND);
    },
  },
  {
    name: "lasting: write, a slot that went bad",
    prepare: async (trial) => {
      await remapSpan(trial);
      await trial.spoilSlot("write", BAD.first, "ioerr");
    },
    run: async (trial) => {
      if (await trial.write(AROUND)) await trial.readWritten(AROUND);
    },
  },
  {
    name: "lasting: read and write, a bad sector",
    prepare: (trial) => trial.spoilMain("read", BAD, "medium"),
    run: async (trial) => {
      await trial.read(AROUND);
      await trial.write(INSIDE);
      await trial.unmap(SPAN);
    },
  },
  {
    name: "lasting: unmap",
    prepare: async (trial) => {
      await trial.remap([SPAN, OUTSIDE]);
      await trial.write(SPAN);
    },
    run: (trial) => trial.unmap(SPAN),
  },
  {
    name: "lasting: clear",
    prepare: async (trial) => {
      await losePart(trial);
      await trial.remap([OUTSIDE, { first: 220, count: 2 }]);
      await trial.write(OUTSIDE);
    },
    run: (trial) => trial.clear(),
  },
];

const CHECKPOINTS: readonly Operation[] = [
  {
    name: "lasting: save",
    short: true,
    prepare: fillTable,
    run: async (trial) => {
      await trial.save();
      await trial.write(INSIDE);
    },
  },
  {
    name: "lasting: suspend and resume",
    prepare: fillTable,
    run: async (trial) => {
      await within(trial.rig.suspend(), "suspend");
      await within(trial.rig.resume(), "resume");
      await trial.remap([{ first: 120, count: 2 }]);
    },
  },
  {
    name: "lasting: restore",
    prepare: fillTable,
    run: (trial) => trial.restore(),
    meanwhile: NOBODY,
  },
];

const STARTS: readonly Operation[] = [
  {
    name: "lasting: start, blank",
    run: (trial) => trial.start("blank"),
    meanwhile: NOBODY,
  },
  {
    name: "lasting: start, a checkpoint",
    prepare: fillTable,
    run: (trial) => trial.start("removed"),
    meanwhile: NOBODY,
  },
  {
    name: "lasting: start, a journal",
    short: true,
    prepare: async (trial) => {
      await fillTable(trial);
      await trial.rig.target.send("save");
      await trial.remap([{ first: 120, count: 2 }]);
      await trial.unmap({ first: 220, count: 2 });
    },
    run: async (trial) => {
      await trial.start("crashed");
      await trial.remap([{ first: 130, count: 2 }]);
    },
    meanwhile: NOBODY,
  },
];

const MIGRATIONS: readonly Operation[] = [
  {
    name: "lasting: migrate",
    short: true,
    prepare: async (trial) => {
      await fillTable(trial);
      await trial.rig.wipeOther();
    },
    run: async (trial) => {
      await trial.migrate();
      await trial.write(INSIDE);
      await trial.read(AROUND);
    },
  },
];

export const LASTING_OPERATIONS: readonly Operation[] = [
  ...COMMITS,
  ...CHECKPOINTS,
  ...STARTS,
  ...MIGRATIONS,
]
  .map((operation) => ({ ...operation, lasts: true }));
