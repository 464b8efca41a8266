// SPDX-License-Identifier: GPL-2.0-only
//
// The lab, shown to work: what a guest says comes back whole, and nothing that goes wrong in a
// guest is missed. Needs QEMU and root; takes a few minutes.
import assert from "node:assert/strict";
import { exec } from "../../cli/lab/exec.ts";
import {
  guestFailure,
  type GuestOptions,
  type GuestResult,
  runGuest,
} from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";

const MIB = 1 << 20;

const log = (line: string) => {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
};

/** Runs a shell script in a guest with kernel 6.1. */
async function guestScript(
  script: string,
  options: Partial<GuestOptions> = {},
): Promise<GuestResult> {
  const kernel = options.kernel ?? await ensureKernel("6.1", log);
  return await runGuest({ ...options, kernel, argv: ["/bin/sh", "-c", script], log });
}

async function withTempDir(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("output, records, exit code, environment and files come through whole", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "from the host");
    const seen: unknown[] = [];
    const result = await guestScript(
      `uname -r; echo complaint >&2; cat ${dir}/file; echo " $GREETING"
       touch /usr/x 2>/dev/null && echo "the host's files can be written"
       seq 100000 | md5sum; seq 100000
       for n in $(seq 2000); do echo "{\\"n\\":$n}"; done >"$DMREMAP_CHANNEL"
       exit 7`,
      { env: { GREETING: "it's me" }, share: [dir], onRecord: (record) => seen.push(record) },
    );
    const numbers = Array.from({ length: 100000 }, (_, index) => `${index + 1}\n`).join("");
    assert.ok(result.stdout.endsWith(numbers), "all of stdout");
    const head = result.stdout.slice(0, -numbers.length).split("\n");
    assert.deepEqual(head.slice(1, 3), ["complaint", "from the host it's me"]);
    assert.match(head[3] ?? "", /^[0-9a-f]{32} /);
    assert.equal(result.records.length, 2000);
    assert.deepEqual(result.records[1999], { n: 2000 });
    assert.deepEqual(seen, result.records);
    assert.equal(result.exitCode, 7);
    assert.match(guestFailure(result) ?? "", /exited with 7/);
    assert.match(result.kernelLog, /Linux version 6\.1/);
    assert.doesNotMatch(result.kernelLog, /complaint/);
  });
});

Deno.test("a complaint of the kernel fails the run, though its program is content", async () => {
  const result = await guestScript(
    `echo "BUG: not really" >/dev/kmsg; echo not-json >"$DMREMAP_CHANNEL"`,
  );
  assert.equal(result.exitCode, 0);
  assert.equal(result.complaints.length, 2);
  assert.match(guestFailure(result) ?? "", /BUG: not really/);
  assert.match(result.complaints[1] ?? "", /not JSON: not-json/);
});

Deno.test("a kernel that dies is no success", async () => {
  const result = await guestScript("echo c >/proc/sysrq-trigger; sleep 60", { timeoutSeconds: 60 });
  assert.equal(result.exitCode, null);
  assert.equal(result.timedOut, false);
  assert.match(guestFailure(result) ?? "", /Kernel panic|sysrq/);
});

Deno.test("an injected fault hits its sector and its direction, on every bus", async () => {
  const faults = [{ iotype: "read", sector: 1000 }, { iotype: "write", sector: 2000 }] as const;
  const medium = [{ iotype: "read", sector: 1000, errno: 61 }] as const;
  const result = await guestScript(
    `try() { dd bs=512 count=1 "$@" 2>/dev/null && echo -n "ok " || echo -n "error "; }
     for disk in virtio nvme scsi; do
       echo -n "$disk "
       for s in 999 1000 1001; do try if=/dev/lab/$disk of=/dev/null skip=$s iflag=direct; done
       for s in 1000 1999 2000 2001; do try if=/dev/zero of=/dev/lab/$disk seek=$s oflag=direct; done
       echo
     done`,
    {
      disks: [
        { serial: "virtio", sizeBytes: 4 * MIB, faults },
        { serial: "nvme", bus: "nvme", sizeBytes: 4 * MIB, faults },
        { serial: "scsi", bus: "scsi", sizeBytes: 4 * MIB, faults: medium },
      ],
    },
  );
  assert.deepEqual(result.stdout.trim().split("\n"), [
    "virtio ok error ok ok ok error ok ",
    "nvme ok error ok ok ok error ok ",
    "scsi ok error ok ok ok ok ok",
  ]);
  assert.match(result.kernelLog, /critical medium error, dev sda, sector 1000/);
  assert.equal(guestFailure(result), undefined);
});

Deno.test("a program that does not end is reported, with what it waits for", async () => {
  const result = await guestScript("echo started; sleep 1000", { timeoutSeconds: 25 });
  assert.equal(result.timedOut, true);
  assert.equal(result.stdout, "started\n");
  assert.match(result.kernelLog, /sysrq: Show Blocked State/);
  assert.match(guestFailure(result) ?? "", /did not end in time/);
});

Deno.test("the counting clock gives the same figure twice", async () => {
  // The shortest I/O is the plain path, whose instructions are counted; the mean also has the timer
  // ticks that happened to fall into it.
  const script = `modprobe brd rd_nr=1 rd_size=16384
    fio --name=x --filename=/dev/ram0 --direct=1 --rw=randread --bs=4k --ioengine=psync \
      --number_ios=2000 --output-format=json | grep -A3 '"clat_ns"' | head -4`;
  const figures = async () => {
    const { stdout } = await guestScript(script, { icount: true });
    const [, min, mean] = /"min" : (\d+),[^]*"mean" : ([\d.]+),/.exec(stdout) ?? [];
    return { min: Number(min), mean: Number(mean) };
  };
  const first = await figures();
  const second = await figures();
  assert.ok(first.min > 0);
  assert.equal(first.min, second.min);
  assert.ok(Math.abs(first.mean / second.mean - 1) < 0.05, `${first.mean} and ${second.mean}`);
});

Deno.test("an interrupted run leaves nothing behind", async () => {
  await withTempDir(async (dir) => {
    const script = `
      import { ensureKernel } from "${new URL("../../cli/lab/kernels.ts", import.meta.url)}";
      import { runGuest } from "${new URL("../../cli/lab/guest.ts", import.meta.url)}";
      const kernel = await ensureKernel("6.1", () => {});
      const options = { kernel, argv: ["/bin/sh", "-c", "echo up; sleep 1000"] };
      try {
        await runGuest({ ...options, onStdout: () => Deno.stdout.writeSync(new Uint8Array([10])) });
      } catch (error) {
        Deno.exit(error.name === "InterruptedError" ? 130 : 1);
      }`;
    await Deno.writeTextFile(`${dir}/run.ts`, script);
    await Deno.mkdir(`${dir}/tmp`);
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `${dir}/run.ts`],
      env: { TMPDIR: `${dir}/tmp` },
      cwd: new URL("../..", import.meta.url).pathname,
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    assert.equal((await processesNaming(dir)).length, 2, "the run and its QEMU");
    child.kill("SIGINT");
    assert.equal((await child.status).code, 130);
    await reader.cancel();
    assert.deepEqual(await processesNaming(dir), []);
    assert.deepEqual([...Deno.readDirSync(`${dir}/tmp`)], []);
  });
});

Deno.test("the debug kernel finds a module that leaks", async () => {
  const kernel = await ensureKernel("debug", log);
  await withTempDir(async (dir) => {
    for (const file of ["Kbuild", "lab_leak.c"]) {
      await Deno.copyFile(new URL(`leak/${file}`, import.meta.url), `${dir}/${file}`);
    }
    await exec(["make", "-s", "-C", kernel.kdir, `M=${dir}`, "modules"]);
    const result = await guestScript("insmod $LEAK && rmmod lab_leak", {
      kernel,
      share: [dir],
      env: { LEAK: `${dir}/lab_leak.ko` },
    });
    assert.equal(result.exitCode, 0);
    const leaks = result.complaints.filter((each) => /unreferenced object/.test(each));
    assert.ok(leaks.length >= 8, `${leaks.length} leaks found`);
    assert.match(leaks[0] ?? "", /comm "insmod"/);
    assert.notEqual(guestFailure(result), undefined);
  });
});

/** The command lines of processes that name a path. */
async function processesNaming(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(path)) found.push(line.replaceAll("\0", " "));
  }
  return found;
}
