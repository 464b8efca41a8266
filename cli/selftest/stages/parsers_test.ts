// SPDX-License-Identifier: GPL-2.0-only
// What the stages read from other programs and from /proc.
import assert from "node:assert/strict";
import { Random } from "../random.ts";
import { parseFilefrag } from "./extents.ts";
import { pickSectors } from "./files.ts";
import { fioArguments, type FioJob, parseFio } from "./fio.ts";
import { splitLeaks } from "./kmemleak.ts";
import { growth, lowest, memoryUse } from "./memory.ts";

Deno.test("filefrag: extents in sectors, without those that are not on the disk", () => {
  const text = `Filesystem type is: ef53
File size of /mnt/a is 20480 (40 blocks of 512 bytes)
 ext:     logical_offset:        physical_offset: length:   expected: flags:
   0:        0..      23:      17408..     17431:     24:
   1:       24..      39:      20480..     20495:     16:      17432: last,eof
/mnt/a: 2 extents found
   0:        0..       7:          0..         7:      8:             inline
   0:        0..       7:          0..         7:      8:             last,unknown,delalloc,eof
`;
  assert.deepEqual(parseFilefrag(text), [
    { first: 17408, count: 24 },
    { first: 20480, count: 16 },
  ]);
});

Deno.test("sectors are picked out of the extents, none twice, in ascending batches", () => {
  const extents = [{ first: 100, count: 80 }, { first: 1000, count: 300 }];
  const batches = pickSectors(new Random(3), extents, 200);
  const all = batches.flat().flatMap(({ first, count }) =>
    Array.from({ length: count }, (_, index) => first + index)
  );
  assert.equal(all.length, 200);
  assert.equal(new Set(all).size, 200);
  assert.ok(all.every((at) => (at >= 100 && at < 180) || (at >= 1000 && at < 1300)));
  for (const batch of batches) {
    assert.ok(batch.every((range, index) => index === 0 || range.first > batch[index - 1]!.first));
  }
});

Deno.test("fio: reads and writes together, latencies weighted", () => {
  const direction = (ios: number, mean: number) => ({
    io_bytes: ios * 4096,
    runtime: 1000,
    iops: ios,
    total_ios: ios,
    clat_ns: { mean, percentile: { "99.000000": 2 * mean } },
  });
  const text = `fio: a remark\n${
    JSON.stringify({
      jobs: [{ error: 0, read: direction(256, 1000), write: direction(768, 3000) }],
    })
  }`;
  assert.deepEqual(parseFio(text), {
    errno: 0,
    mibPerSecond: 4,
    iops: 1024,
    meanLatencyUs: 2.5,
    p99LatencyUs: 5,
  });
});

Deno.test("fio: a job is timed, or goes over the device once and is verified", () => {
  const job: FioJob = {
    file: "/dev/x",
    rw: "randwrite",
    blockKiB: 4,
    depth: 16,
    engine: "io_uring",
    seconds: 3,
  };
  assert.ok(fioArguments(job).includes("--runtime=3"));
  const verified = fioArguments({ ...job, verify: true, nowait: true });
  assert.ok(verified.includes("--verify=crc32c") && verified.includes("--nowait=1"));
  assert.ok(!verified.some((word) => word.startsWith("--runtime")));
});

const SLABS = (count: number) =>
  `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize>
maple_node           ${count}    600    256   16    1 : tunables    0    0    0
kmalloc-4k             40     40   4096    8    8 : tunables    0    0    0
dentry              12345  12345    192   21    1 : tunables    0    0    0
`;
const MEMORY = (free: number) =>
  `MemTotal:        3000000 kB
MemFree:         ${free} kB
Slab:             100000 kB
VmallocTotal:   34359738367 kB
HugePages_Total:       0
`;

const ZONES = `Node 0, zone    DMA32
  pages free     100
  pagesets
    cpu: 0
              count:    10
              high:     500
    cpu: 1
              count:    20
`;
const PROC = (free: number, objects: number) => ({
  meminfo: MEMORY(free),
  slabinfo: SLABS(objects),
  zoneinfo: ZONES,
});

Deno.test("memory: watched caches, and what nobody accounts for", () => {
  const use = memoryUse(PROC(2_500_000, 500));
  assert.deepEqual([...use.objects], [["maple_node", 500], ["kmalloc-4k", 40]]);
  assert.equal(use.plainKiB, 400_000 - 4 * 30);
});

Deno.test("memory: growth is judged by the number of rounds", () => {
  const before = memoryUse(PROC(2_500_000, 500));
  const after = memoryUse(PROC(2_490_000, 521));
  const grown = growth(before, after, 20);
  const over = grown.filter(({ grown, allowed }) => grown > allowed).map(({ what }) => what);
  assert.deepEqual(over, ["objects of maple_node", "plain pages"]);
});

Deno.test("kmemleak: one text for each object", () => {
  const report = `unreferenced object 0xffff888100000000 (size 64):
  comm "x", pid 1, jiffies 1
  backtrace:
    [<0>] remap_ctr
unreferenced object 0xffff888100000040 (size 64):
  comm "y", pid 2, jiffies 2
`;
  assert.equal(splitLeaks(report).length, 2);
  assert.deepEqual(splitLeaks(""), []);
});

Deno.test("of several looks at the memory the lowest counts, of each kind by itself", () => {
  const look = (a: number, b: number, plainKiB: number) => ({
    objects: new Map([["kmalloc-8", a], ["bio-1", b]]),
    plainKiB,
    percpuKiB: 7,
    vmallocKiB: 9,
  });
  assert.deepEqual(lowest([look(2048, 3, 40), look(1547, 4, 44), look(2048, 2, 48)]), {
    objects: new Map([["kmalloc-8", 1547], ["bio-1", 2]]),
    plainKiB: 40,
    percpuKiB: 7,
    vmallocKiB: 9,
  });
});
