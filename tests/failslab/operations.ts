// SPDX-License-Identifier: GPL-2.0-only
//
// What is tried while memory runs out: whatever makes the module ask for some.
import assert from "node:assert/strict";
import { parseScan } from "../../cli/device/scan.ts";
import { type RemapFeatures, toTarget } from "../../cli/device/table_line.ts";
import { DirectFile } from "../../ffi/direct_file.ts";
import { outcomeOf } from "../model/guest_device.ts";
import { SECTORS } from "../sweep/rig.ts";
import { milliseconds, within } from "../sweep/time.ts";
import { AROUND, BAD, big, OUTSIDE, type Scene, SPAN } from "./scene.ts";

export interface Operation {
  readonly name: string;
  readonly features?: RemapFeatures;
  readonly lasts?: boolean;
  /** All its places fail, also those that have in others. */
  readonly whole?: boolean;
  readonly prepare?: (scene: Scene) => void | Promise<void>;
  readonly run: (scene: Scene) => Promise<unknown>;
  /** With memory again: takes away what it has made beside the rig. */
  readonly after?: (scene: Scene) => Promise<void>;
}

const PART = { first: 101, count: 2 };

/** What the kernel says when it has no memory to look for a device. */
const NO_DEVICE = ["ENODEV"];

/** The target is made anew; who has just failed to is made once there is memory. */
async function start(scene: Scene): Promise<void> {
  scene.isMissing = !await scene.ask("start", scene.rig.putBack(), NO_DEVICE);
}

async function fill({ rig }: Scene): Promise<void> {
  await rig.target.remap([SPAN, OUTSIDE].map(big));
}

async function makePending(scene: Scene): Promise<void> {
  scene.spoil("read", BAD);
  await outcomeOf(scene.rig.file.read(BigInt(BAD.first * 512), 512));
}

async function ended(scene: Scene, message: string, running: readonly string[]): Promise<void> {
  for (;;) {
    const reply = await within(outcomeOf(scene.rig.target.send(message)), message);
    if (reply.ok && !running.some((state) => reply.value.includes(state))) return;
    await milliseconds(2);
  }
}

async function scan(scene: Scene): Promise<void> {
  const { target } = scene.rig;
  if (!await scene.ask("scan", target.send(`scan 0 ${SECTORS - 1}`))) return;
  for (;;) {
    const { state } = parseScan(await target.send("scan status"));
    if (state !== "running" && state !== "paused") return;
    await milliseconds(2);
  }
}

async function migrate(scene: Scene): Promise<void> {
  const { rig } = scene;
  if (!await scene.ask("migrate", rig.target.send(rig.migrateMessage), NO_DEVICE)) return;
  await ended(scene, "migrate status", ["=running"]);
  if ((await rig.migrationEnd()) === "done") rig.migrated();
}

const DEBUGFS = "/sys/kernel/debug/dm-remap";

async function look(scene: Scene): Promise<void> {
  const { target, name } = scene.rig;
  for (const message of ["stats", "health", "scan status", "ping"]) {
    await scene.ask(message, target.send(message));
  }
  for (const file of ["stats", "remap_table", "trace", "health", "config"]) {
    await scene.ask(file, Deno.readTextFile(`${DEBUGFS}/${name}/${file}`));
  }
  await scene.ask("entries", Array.fromAsync(target.entries()));
  await scene.ask("status", Promise.try(() => target.statusText()));
}

const STARTS: readonly Operation[] = [
  {
    name: "a volatile table, with everything",
    features: { verifyReads: true, proactive: true, pendingPolicy: "verify" },
    prepare: ({ rig }) => rig.takeAway(),
    run: start,
  },
  {
    name: "a blank spare",
    lasts: true,
    prepare: ({ rig }) => rig.wipe(),
    run: start,
  },
  {
    name: "a checkpoint",
    lasts: true,
    prepare: async (scene) => {
      await fill(scene);
      await makePending(scene);
      await scene.rig.takeAway();
    },
    run: start,
  },
  {
    name: "a journal",
    lasts: true,
    prepare: async (scene) => {
      await fill(scene);
      // With a bad slot in it.
      await scene.spoilSlotOf(BAD.first);
      await scene.write(AROUND);
      await scene.rig.crash();
    },
    run: start,
  },
  {
    name: "reload",
    prepare: fill,
    run: async (scene) => {
      if (!await scene.ask("load", scene.rig.load(), NO_DEVICE)) return;
      await scene.ask("suspend", scene.rig.suspend());
      await scene.ask("resume", scene.rig.resume());
    },
  },
];

const MOVES: readonly Operation[] = [
  {
    name: "remap",
    run: async (scene) => {
      await scene.remap(SPAN, OUTSIDE, { first: 220, count: 1 });
      // A part leaves and comes back to its slots: one entry in the end, as it was.
      await scene.ask("unmap", scene.rig.target.unmap([big(PART)]));
      await scene.remap(PART);
    },
  },
  { name: "remap, lasting", lasts: true, run: (scene) => scene.remap(SPAN, OUTSIDE) },
  {
    name: "remap, a bad slot",
    prepare: async (scene) => {
      await scene.remap(SPAN);
      await scene.spoilSlotOf(BAD.first);
      await scene.rig.target.clear();
    },
    run: (scene) => scene.remap(SPAN),
  },
  {
    name: "unmap and clear",
    whole: true,
    prepare: fill,
    run: async (scene) => {
      await scene.ask("unmap", scene.rig.target.unmap([big(PART)]));
      await scene.ask("clear", scene.rig.target.clear());
    },
  },
  {
    name: "a bad sector is written",
    lasts: true,
    prepare: (scene) => scene.spoil("write", BAD),
    run: async (scene) => {
      await scene.write(AROUND);
      await scene.read(AROUND);
      await scene.flush();
    },
  },
  {
    name: "a bad sector is read, then written",
    prepare: (scene) => scene.spoil("read", BAD),
    run: async (scene) => {
      await scene.read(AROUND, false);
      await scene.write(AROUND);
      await scene.read(AROUND);
    },
  },
  {
    name: "a slot goes bad",
    whole: true,
    prepare: async (scene) => {
      await fill(scene);
      await scene.spoilSlotOf(BAD.first);
    },
    run: (scene) => scene.write(AROUND),
  },
];

const LARGE = "failslab-large";
const LARGE_SECTORS = 1024n;

/** Larger than one page of checksums, so that there has to be a tree of such pages. */
async function makeLarge({ rig }: Scene): Promise<void> {
  const table = toTarget({
    start: 0n,
    length: LARGE_SECTORS,
    main: "/dev/ram2",
    mainStart: 0n,
    spare: "/dev/ram3",
    spareStart: 0n,
    spareLength: 64n,
    features: { volatile: true, verifyReads: true },
  });
  await rig.dm.createWithTable(LARGE, [table]);
}

/** No memory for checksums is no reason to refuse anything: it only goes unverified. */
async function useLarge(): Promise<void> {
  using file = DirectFile.open(`/dev/mapper/${LARGE}`, { write: true });
  const position = (LARGE_SECTORS - 16n) * 512n;
  const data = new Uint8Array(16 * 512).map((_, index) => index % 251);
  for (let round = 0; round < 2; round++) {
    await file.write(position, data);
    assert.deepEqual(await file.read(position, data.length), data);
  }
}

const OTHERS: readonly Operation[] = [
  {
    name: "verify_reads, a large device",
    prepare: makeLarge,
    run: useLarge,
    after: ({ rig }) => rig.dm.remove(LARGE, { retry: true }),
  },
  {
    name: "verify_reads",
    features: { verifyReads: true },
    run: async (scene) => {
      await scene.write(AROUND);
      await scene.read(AROUND);
      await scene.remap(SPAN);
      await scene.read(AROUND);
    },
  },
  { name: "a scan", prepare: (scene) => scene.spoil("read", BAD), run: scan },
  {
    name: "save and suspend",
    lasts: true,
    prepare: fill,
    run: async (scene) => {
      await scene.ask("save", scene.rig.target.send("save"));
      await scene.ask("suspend", scene.rig.suspend());
      await scene.ask("resume", scene.rig.resume());
    },
  },
  {
    name: "restore",
    whole: true,
    lasts: true,
    prepare: fill,
    run: async (scene) => {
      await scene.rig.suspend();
      await scene.ask("restore", scene.rig.target.send("restore"));
      await scene.ask("resume", scene.rig.resume());
    },
  },
  {
    name: "migrate",
    lasts: true,
    prepare: async (scene) => {
      await fill(scene);
      await scene.rig.wipeOther();
    },
    run: migrate,
  },
  { name: "whoever looks", prepare: fill, run: look },
];

export const OPERATIONS: readonly Operation[] = [...STARTS, ...MOVES, ...OTHERS];
