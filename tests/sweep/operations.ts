// SPDX-License-Identifier: GPL-2.0-only
//
// What is swept: what users ask for by message, and what a device's life consists of.
import { AUTOMATIC_OPERATIONS } from "./automatic.ts";
import {
  AROUND,
  INSIDE,
  LARGE,
  losePart,
  type Operation,
  OUTSIDE,
  remapSpan,
  SPAN,
  suspendMeanwhile,
} from "./scenes.ts";
import { LASTING_OPERATIONS } from "./survival.ts";
import { milliseconds } from "./time.ts";

export const OPERATIONS: readonly Operation[] = [
  {
    name: "remap",
    short: true,
    run: (trial) => trial.remap([SPAN, { first: 120, count: 1 }]),
  },
  { name: "remap, large", run: (trial) => trial.remap([LARGE]) },
  {
    name: "remap, an unreadable sector",
    prepare: (trial) => trial.spoilMain("read", { first: 102, count: 1 }, "ioerr"),
    run: remapSpan,
  },
  {
    name: "remap, a bad slot",
    prepare: (trial) => trial.spoilSlot("write", 101, "ioerr"),
    run: remapSpan,
  },
  {
    name: "unmap",
    short: true,
    prepare: async (trial) => {
      await trial.remap([SPAN, OUTSIDE]);
      await trial.write(SPAN);
    },
    run: (trial) => trial.unmap(SPAN),
  },
  {
    name: "unmap, what users have written",
    prepare: async (trial) => {
      await trial.remap([LARGE]);
      await trial.write(AROUND);
    },
    run: (trial) => trial.unmap(LARGE),
  },
  {
    name: "unmap, a sector that main refuses",
    prepare: async (trial) => {
      await trial.remap([SPAN]);
      await trial.write(SPAN);
      trial.spoilMain("write", { first: 103, count: 1 }, "medium");
    },
    run: (trial) => trial.unmap(SPAN),
  },
  {
    name: "clear",
    prepare: async (trial) => {
      await losePart(trial);
      await trial.remap([OUTSIDE, { first: 220, count: 2 }]);
      await trial.write(OUTSIDE);
    },
    run: (trial) => trial.clear(),
  },
  {
    name: "I/O, relocated and lost sectors",
    prepare: losePart,
    run: async (trial) => {
      await trial.write(AROUND);
      await trial.read(AROUND);
    },
  },
  {
    name: "I/O, nothing by itself",
    features: { noAutoRemap: true },
    prepare: async (trial) => {
      await trial.remap([SPAN]);
      trial.spoilMain("write", { first: 97, count: 1 }, "medium");
    },
    run: async (trial) => {
      await trial.write(AROUND);
      await trial.read(AROUND);
    },
  },
  {
    name: "flush and FUA",
    short: true,
    prepare: async (trial) => {
      await trial.remap([SPAN]);
      await trial.write(AROUND);
    },
    run: async (trial) => {
      await trial.flush();
      await trial.write(INSIDE, { fua: true });
      await trial.write(OUTSIDE);
      await trial.flush();
    },
  },
  {
    name: "suspend during a remap",
    parkedOnly: true,
    short: true,
    run: (trial) => trial.remap([LARGE, { first: 220, count: 1 }], { stoppable: true }),
    meanwhile: suspendMeanwhile,
  },
  {
    name: "suspend during an unmap",
    parkedOnly: true,
    prepare: async (trial) => {
      await trial.remap([LARGE, { first: 220, count: 1 }]);
      await trial.write(LARGE);
    },
    run: (trial) => trial.clear({ stoppable: true }),
    meanwhile: suspendMeanwhile,
  },
  {
    name: "reload during a remap",
    parkedOnly: true,
    prepare: (trial) => trial.remap([OUTSIDE]).then(() => trial.rig.load()),
    run: (trial) => trial.remap([LARGE], { stoppable: true }),
    meanwhile: suspendMeanwhile,
  },
  {
    name: "suspend, resume, reload",
    prepare: losePart,
    run: async (trial) => {
      await trial.rig.suspend();
      await trial.rig.resume();
      await trial.write(AROUND);
      await trial.rig.load();
      await trial.rig.suspend();
      const held = [trial.write(SPAN), trial.read(OUTSIDE), trial.flush()];
      trial.concurrent = true;
      await milliseconds(2);
      await trial.rig.resume();
      await Promise.all(held);
      await trial.read(AROUND);
    },
  },
  ...AUTOMATIC_OPERATIONS,
  ...LASTING_OPERATIONS,
];
