// SPDX-License-Identifier: GPL-2.0-only
// A copy from its first write to the switch: disks are files, the kernel is a list of what it is told.
import assert from "node:assert/strict";
import { libc } from "../../../ffi/libc.ts";
import type { DeviceMapper, TargetSpec } from "../../../ffi/libdevmapper.ts";
import type { Extent } from "../../metadata/extent.ts";
import { MemoryImage, openImage } from "../../metadata/image.ts";
import { layoutOf } from "../../metadata/layout.ts";
import { loadMetadata } from "../../metadata/load.ts";
import { readMigrated } from "../../metadata/select.ts";
import { formatMetadata, writeMetadata } from "../../metadata/write.ts";
import type { BlockDevice } from "../block_device.ts";
import { RefusedError } from "../errors.ts";
import { parseTable, toTarget } from "../table_line.ts";
import { lineText } from "./lines.ts";
import { type Ends, type Move, Mover } from "./move.ts";

// Loaded for good, and here rather than in a test, which would be blamed for a leak.
libc();

const LENGTH = 8192;
const EDGE = 2048;
const SPARE = 4096;
const UNIT = 8;
const { slotsStart } = layoutOf(SPARE, UNIT);
const TABLE: readonly Extent[] = [
  { first: 4000, length: UNIT, slot: slotsStart, state: "remapped" },
  { first: 4800, length: UNIT, slot: slotsStart + UNIT, state: "lost" },
];
/** What fills the sectors: of main when the copy begins, of main at the end, and of the slot. */
const [THEN, NOW, SLOT] = [1, 2, 3];

const STATUS = "remapped=16 lost=8 spare_used=16/3000 (0%) write_errors=0 read_errors=0 " +
  "auto_remaps=0 manual_remaps=0 health=degraded scan_progress=0% pending=0 spare_bad=0 " +
  "verify_errors=0 transport_errors=0 mode=rw generation=2";

/** Main and spare as files, since they are opened by their names; the new disk in memory. */
class Bench implements Disposable {
  readonly folder = Deno.makeTempDirSync({ dir: "/var/tmp", prefix: "dmremap-move-" });
  readonly target = new Uint8Array(LENGTH * 512).fill(0xee);
  /** Whether all that was written to the new disk is durable. */
  durable = true;
  released = false;
  /** What the kernel is told, and what was so then. */
  readonly events: string[] = [];
  /** Of the areas that were written to, so often. */
  readonly writes = new Array<number>(LENGTH / 128).fill(0);
  /** Called before each; may throw. */
  onEvent = (_event: string): void => {};

  constructor(extents: readonly Extent[] = TABLE) {
    Deno.writeFileSync(this.path("main"), new Uint8Array(LENGTH * 512).fill(NOW));
    const image = new MemoryImage(SPARE * 512);
    const geometry = {
      ...{ blockSectors: UNIT, mainStart: 0, mainSectors: LENGTH, mainDeviceSectors: LENGTH },
      ...{ spareStart: 0, spareSectors: SPARE, spareDeviceSectors: SPARE },
    };
    const superblock = formatMetadata(image, geometry, { name: "r0", mainId: "serial:OLD" });
    writeMetadata(image, superblock, extents);
    image.bytes.fill(SLOT, slotsStart * 512);
    Deno.writeFileSync(this.path("spare"), image.bytes);
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  /** What the spare says: of which disk its table is, or that it is used no more. */
  get counts(): string {
    using image = openImage(this.path("spare"));
    return readMigrated(image)?.kind ?? loadMetadata(image).superblock.mainId;
  }

  move(options: Partial<Move> = {}): Move {
    return {
      kind: "replace",
      name: "r0",
      table: parseTable(`0 ${LENGTH} remap 8:0 0 8:16 0 ${SPARE}`),
      main: disk(this.path("main"), "8:0", LENGTH),
      spare: disk(this.path("spare"), "8:16", SPARE),
      target: disk(this.path("target"), "8:32", LENGTH),
      targetStart: 0,
      targetId: "serial:NEW",
      acceptLost: false,
      maxPauseMs: 60_000,
      offline: false,
      ...options,
    };
  }

  run(options: Partial<Move> = {}) {
    const watch = {
      signal: new AbortController().signal,
      hold: () => undefined,
      progress: () => undefined,
    };
    return new Mover(this.mapper(), this.move(options), watch, this.ends()).run(1);
  }

  ends(): Ends {
    return {
      live: () => ({
        // The kernel reads slots by itself, and gives no content of what is lost.
        read: (first, count) => {
          const meets = (at: number) => first < at + UNIT && at < first + count;
          if (meets(4800)) return Promise.resolve(undefined);
          const content = new Uint8Array(count * 512).fill(THEN);
          if (meets(4000)) content.fill(SLOT, (4000 - first) * 512, (4008 - first) * 512);
          return Promise.resolve(content);
        },
        [Symbol.dispose]: () => undefined,
      }),
      destination: () => ({
        write: (first, content) => {
          this.target.set(content, first * 512);
          this.durable = false;
          return Promise.resolve();
        },
        flush: () => Promise.resolve(void (this.durable = true)),
        [Symbol.dispose]: () => void (this.released = true),
      }),
    };
  }

  mapper(): DeviceMapper {
    const told = (event: string) => {
      this.events.push(`${event} [${this.counts}]`);
      return Promise.try(() => this.onEvent(event));
    };
    return {
      table: () => [toTarget(this.move().table)],
      status: () => [{ start: 0n, length: BigInt(LENGTH), type: "remap", params: STATUS }],
      suspend: () => told("suspend"),
      resume: () => told("resume"),
      clear: () => told("clear"),
      reload: (_name: string, lines: TargetSpec[]) => told(lines.map(lineText).join("; ")),
      message: (_name: string, _sector: bigint, text: string) => {
        const [word, , from = "0", count = "0"] = text.split(" ");
        if (word === "@stats_create") return Promise.resolve("7");
        if (word !== "@stats_print") return Promise.resolve("");
        const page = this.writes.slice(Number(from), Number(from) + Number(count));
        const line = (n: number, at: number) => `${at * 128}+128 0 0 0 0 ${n} 0 0 0 0 0 0 0 0\n`;
        return Promise.resolve(page.map((n, i) => line(n, Number(from) + i)).join(""));
      },
    } as unknown as DeviceMapper;
  }

  /** The first byte of each sector. */
  sectors(first: number, count: number): number[] {
    return Array.from({ length: count }, (_, at) => this.target[(first + at) * 512]!);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function disk(path: string, number: string, sectors: number): BlockDevice {
  const [major = 0, minor = 0] = number.split(":").map(Number);
  return {
    ...{ path, node: path, number, major, minor, sizeSectors: BigInt(sectors) },
    ...{ logicalBlockSectors: BigInt(UNIT), readOnly: false, disk: number, diskStart: 0n },
  };
}

const all = (count: number, value: number) => new Array<number>(count).fill(value);

Deno.test("what was written until the device stood still is copied then, and nothing else again", async () => {
  using bench = new Bench();
  // Behind the last look at a device in use: nobody but the standstill can know of it.
  bench.onEvent = (event) => {
    if (event === "suspend") bench.writes[20]! += 1;
  };
  const { missing } = await bench.run();
  assert.deepEqual(missing, [{ first: 4800, end: 4808 }]);
  assert.deepEqual(bench.sectors(20 * 128, 128), all(128, NOW), "changed in the last moment");
  assert.deepEqual(bench.sectors(EDGE, 128), all(128, THEN), "not changed since it was copied");
  assert.deepEqual(bench.sectors(4000, UNIT), all(UNIT, SLOT), "relocated");
  assert.deepEqual(bench.sectors(4800, UNIT), all(UNIT, 0), "without content");
});

Deno.test("first and last megabyte are copied when all the rest is there", async () => {
  using bench = new Bench();
  const edges = () => [...bench.sectors(0, EDGE), ...bench.sectors(LENGTH - EDGE, EDGE)];
  let before: number[] = [];
  bench.onEvent = (event) => {
    if (event === "suspend" && before.length === 0) before = edges();
  };
  await bench.run();
  assert.deepEqual(before, all(2 * EDGE, 0));
  assert.deepEqual(edges(), all(2 * EDGE, NOW));
});

Deno.test("all is durable before the switch, and nobody goes on with the old disk behind it", async () => {
  using bench = new Bench();
  bench.onEvent = (event) => {
    if (event === "suspend") return;
    assert.deepEqual([bench.durable, bench.released], [true, true], event);
  };
  await bench.run({ offline: true });
  const linear = "0 4800 linear 8:32 0; 4800 8 error; 4808 3384 linear 8:32 4808";
  assert.deepEqual(bench.events, [
    "suspend [serial:OLD]",
    `${linear} [serial:OLD]`,
    `0 ${LENGTH} error [serial:OLD]`,
    `${linear} [serial:NEW]`,
    "resume [serial:NEW]",
    "suspend [serial:NEW]",
    `0 ${LENGTH} remap 8:32 0 8:16 0 ${SPARE} [serial:NEW]`,
    "resume [serial:NEW]",
  ]);
  using image = openImage(bench.path("spare"));
  assert.deepEqual([...loadMetadata(image).extents()], [
    { first: 4800, length: UNIT, slot: 0, state: "wrong" },
  ]);
});

Deno.test("a failure before the switch leaves the device as it was", async () => {
  using bench = new Bench();
  bench.onEvent = (event) => {
    if (event.endsWith(`${LENGTH} error`)) throw new Error("out of memory");
  };
  await assert.rejects(bench.run({ offline: true }), /out of memory/);
  assert.deepEqual(bench.events.slice(-2), ["clear [serial:OLD]", "resume [serial:OLD]"]);
});

Deno.test("a failure behind the switch gives the device the new disk, and never the old one", async () => {
  using bench = new Bench();
  let failures = 0;
  bench.onEvent = (event) => {
    const isSwitched = bench.events.at(-1)?.endsWith("[serial:NEW]") ?? false;
    if (isSwitched && event.includes("linear") && failures++ === 0) throw new Error("no memory");
  };
  await assert.rejects(bench.run({ offline: true }), /no memory/);
  assert.equal(bench.events.some((event) => event.startsWith("clear")), false);
  assert.match(bench.events.at(-2) ?? "", /^0 4800 linear 8:32 0; .* \[serial:NEW\]$/);
  assert.equal(bench.events.at(-1), "resume [serial:NEW]");
});

Deno.test("without the layer nothing may be missing, unless that is accepted", async () => {
  using refused = new Bench();
  const evacuate = { kind: "evacuate", offline: true } as const;
  await assert.rejects(refused.run(evacuate), (error) => {
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /8 sectors have no content.*4800\+8/);
    return true;
  });
  assert.deepEqual(refused.events.slice(-2), ["clear [serial:OLD]", "resume [serial:OLD]"]);
  using accepted = new Bench();
  await accepted.run({ ...evacuate, acceptLost: true });
  assert.deepEqual(accepted.events.slice(-2), [
    `0 ${LENGTH} linear 8:32 0 [moved]`,
    "resume [moved]",
  ]);
});
