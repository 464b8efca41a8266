// SPDX-License-Identifier: GPL-2.0-only
// Debian's cron runs the file that deploy/ has for it, with the packed program.
import assert from "node:assert/strict";
import { openStore } from "../../../cli/store/open.ts";
import { expect, type Step } from "../../conformance/guest/tool.ts";
import { sh } from "./devices.ts";

const METRICS = "/tmp/cron.prom";
const MAIL = "/tmp/mail";
const RECORD = "/tmp/cron-failure";
/** Far more than it needs: the machine may have much else to do. */
const LONGEST_MS = 120_000;

/** The root of the guest is the host's and cannot be written: layers above it can. */
const ROOM = ["/etc", "/usr/sbin", "/usr/local/sbin"].map((path, index) =>
  `mkdir -p /tmp/layer${index}/upper /tmp/layer${index}/work
   mount -t overlay -o lowerdir=${path},upperdir=/tmp/layer${index}/upper,workdir=/tmp/layer${index}/work overlay ${path}`
).join("\n");

const PREPARE = `
modprobe overlay
${ROOM}
mount -t tmpfs var-lib /var/lib
mount -t tmpfs cron /var/spool/cron
mkdir -p /var/spool/cron/crontabs
rm -f /etc/cron.d/* /etc/cron.hourly/*
: >/etc/crontab
ln -sf "$DMREMAP_BIN" /usr/local/sbin/dmremap-ts
printf '#!/bin/sh\\ncat >>${MAIL}\\n' >/usr/sbin/sendmail
chmod 755 /usr/sbin/sendmail
`;

const SETTINGS = `
sed -i 's/^JITTER=.*/JITTER=1/; s/^#METRICS=.*/METRICS="--textfile ${
  METRICS.replaceAll("/", "\\/")
}"/' \\
  /etc/default/dmremap-backup
printf '#!/bin/sh\\nenv | grep ^DMREMAP_BACKUP_ >${RECORD}\\n' >/etc/dmremap-ts/backup-failed
`;

/** Starts cron shortly before the time of the file's line, and waits for its work to be done. */
async function tick(day: string): Promise<void> {
  await Deno.remove(METRICS).catch(() => undefined);
  await sh(`date -s "${day} 10:16:57" >/dev/null`);
  const cron = new Deno.Command("/usr/sbin/cron", { args: ["-f"], stdin: "null" }).spawn();
  try {
    const end = performance.now() + LONGEST_MS;
    while (!isThere(METRICS) && performance.now() < end) await pause(200);
    assert.ok(isThere(METRICS), "cron has run nothing");
    // It sends what was said once the program is done.
    await sh("while pgrep -f '[d]mremap-ts backup' >/dev/null; do sleep 0.2; done; sleep 1");
  } finally {
    cron.kill("SIGTERM");
    await cron.status;
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function taken(): string[] {
  using store = openStore("/var/lib/dmremap-ts/snapshots.db", { readOnly: true });
  return store.heads().map(({ device, withData }) => `${device.name} ${withData}`).sort();
}

export const CRON_STEPS: readonly Step[] = [
  ["cron runs the backup, and has nothing to mail", async () => {
    await sh(PREPARE);
    await expect(0, "deploy", "install", "cron");
    await sh(SETTINGS);
    // The file is large and comes from the host: the first start is slow.
    assert.match(await sh("dmremap-ts --version"), /^dmremap-ts \d/);
    await tick("2031-03-04");
    assert.deepEqual(taken(), ["r0 true", "r1 true"]);
    assert.match(Deno.readTextFileSync(METRICS), /^dmremap_backup_success 1$/m);
    assert.deepEqual([isThere(MAIL), isThere(RECORD)], [false, false]);
  }],
  ["cron mails what went wrong, and the hook is run", async () => {
    await sh("dmsetup suspend r1");
    await tick("2031-03-05");
    await sh("dmsetup resume r1");
    assert.deepEqual(taken(), ["r0 true", "r0 true", "r1 true"]);
    assert.match(Deno.readTextFileSync(MAIL), /^error: r1: is suspended/m);
    assert.match(Deno.readTextFileSync(RECORD), /^DMREMAP_BACKUP_FAILED=r1$/m);
    assert.match(Deno.readTextFileSync(METRICS), /^dmremap_backup_exit_code 5$/m);
    await expect(0, "remove", "r0", "--yes");
    await expect(0, "remove", "r1", "--yes");
    await expect(0, "kmod", "unload");
  }],
];
