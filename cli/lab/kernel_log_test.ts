// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { findComplaints } from "./kernel_log.ts";

const QUIET = `[    0.000000] Linux version 6.1.0
[    0.000000] kmemleak: Kernel memory leak detector initialized (mem pool available: 15000)
[    1.954087] AMD-Vi: AMD IOMMUv2 functionality not available on this system - This is not a bug.
[    2.000000] random: crng init done
[    3.000000] device-mapper: ioctl: 4.47.0-ioctl (2022-07-28) initialised
[    3.100000] dm_remap: loading out-of-tree module taints kernel.
[    3.200000] blk_update_request: I/O error, dev vda, sector 100 op 0x1:(WRITE)
`;

Deno.test("an ordinary kernel log holds no complaint", () => {
  assert.deepEqual(findComplaints(QUIET), []);
  assert.deepEqual(findComplaints(""), []);
});

const COMPLAINTS = [
  "BUG: kernel NULL pointer dereference, address: 0000000000000008",
  "BUG: KASAN: slab-out-of-bounds in remap_map+0x10/0x20 [dm_remap]",
  "BUG: sleeping function called from invalid context at mm/slab.h:420",
  "WARNING: CPU: 0 PID: 123 at drivers/md/dm.c:100 dm_put+0x1/0x2",
  "WARNING: possible circular locking dependency detected",
  "WARNING: possible recursive locking detected",
  "WARNING: inconsistent lock state",
  "UBSAN: shift-out-of-bounds in dm-remap-slots.c:10:20",
  "INFO: task kworker/0:1:10 blocked for more than 120 seconds.",
  "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
  "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [fio:100]",
  "Oops: 0000 [#1] PREEMPT SMP KASAN",
  "general protection fault, probably for non-canonical address 0xdffffc0000000001",
  "unreferenced object 0xffff888004a7a000 (size 96):",
  "Kernel panic - not syncing: Fatal exception",
  "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
  "ODEBUG: free active (active state 0) object type: work_struct",
  "include/linux/rcupdate.h:700 suspicious RCU usage!",
  "Call Trace:",
];

for (const line of COMPLAINTS) {
  Deno.test(`complaint: ${line.slice(0, 50)}`, () => {
    const found = findComplaints(`${QUIET}[    4.000000] ${line}\n`);
    assert.equal(found.length, 1);
    assert.ok(found[0]?.startsWith(`[    4.000000] ${line}`));
  });
}

Deno.test("a report counts once, up to its end mark; the next one counts again", () => {
  const report = `[ 4.0] WARNING: CPU: 0 PID: 1 at a.c:1
[ 4.0] Call Trace:
[ 4.0]  <TASK>
[ 4.0]  worker_thread+0x1/0x2
[ 4.0]  </TASK>
`;
  const found = findComplaints(QUIET + report + QUIET + report);
  assert.equal(found.length, 2);
  assert.ok(found[0]?.endsWith("</TASK>"));
  const traced = "[ 4.0] WARNING: CPU: 0 PID: 1 at b.c:1\n[ 4.0] ---[ end trace 0000 ]---\n";
  assert.equal(findComplaints(traced + traced + traced).length, 3, "without anything between");
});

Deno.test("each leaked object is a complaint of its own", () => {
  const leak = (address: string) =>
    `unreferenced object 0x${address} (size 96):\n  comm "insmod"\n  backtrace:\n    kmalloc\n`;
  assert.equal(findComplaints(leak("a") + leak("b")).length, 2);
});

Deno.test("where fault injection struck is no complaint", () => {
  const log = "[ 5.0] FAULT_INJECTION: forcing a failure.\n[ 5.0] Call Trace:\n[ 5.0]  <TASK>\n" +
    "[ 5.0]  dump_stack\n[ 5.0]  </TASK>\n";
  assert.deepEqual(findComplaints(log), []);
  assert.equal(findComplaints(`${log}[ 6.0] BUG: unable to handle page fault\n`).length, 1);
  const other = "[ 6.0] Call Trace:\n[ 6.0]  <TASK>\n[ 6.0]  remap_end_io\n[ 6.0]  </TASK>\n";
  assert.equal(findComplaints(log + other).length, 1, "one fault has one trace");
});
