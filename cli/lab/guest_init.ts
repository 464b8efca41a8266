// SPDX-License-Identifier: GPL-2.0-only

/** The virtio-serial ports between guest and host, by name. */
export const PORTS = {
  stdout: "lab.stdout",
  records: "lab.records",
  control: "lab.control",
} as const;

/** What one run asks of the guest; `/lab/job` in the initramfs. */
export interface GuestJob {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** The 9p tag that becomes the root; the host's own root is always shared as `host`. */
  readonly rootTag: string;
  readonly release: string;
  /** Path on the host of what the guest sees as /lib/modules/<release>. */
  readonly modulesDir: string;
  /** Host directories below those that the guest covers with its own tmpfs. */
  readonly share: readonly string[];
  readonly serials: readonly string[];
  readonly kmemleak: boolean;
  /** The program runs on hvc0, for a person. */
  readonly interactive: boolean;
}

/** Quotes a word for a POSIX shell. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The shell variables that the two init scripts read. */
export function jobVariables(job: GuestJob): string {
  const variables: Record<string, string> = {
    ROOT_TAG: job.rootTag,
    RELEASE: job.release,
    MODULES: job.modulesDir,
    SHARE: job.share.join("\n"),
    SERIALS: job.serials.join(" "),
    KMEMLEAK: job.kmemleak ? "1" : "",
    INTERACTIVE: job.interactive ? "1" : "",
  };
  return Object.entries(variables).map(([key, value]) => `${key}=${shellQuote(value)}\n`).join("");
}

/** The script that becomes the program of the run. */
export function jobScript(job: GuestJob): string {
  const exports = Object.entries(job.env).map(([key, value]) =>
    `export ${key}=${shellQuote(value)}\n`
  );
  return `${exports.join("")}mkdir -p "$HOME"\ncd ${shellQuote(job.cwd)} || exit 126\n` +
    `exec ${job.argv.map(shellQuote).join(" ")}\n`;
}

/** First process of the guest: loads drivers, puts the root together, and goes on in it. */
export const INIT_SCRIPT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
give_up() { echo "lab: $*" >/dev/kmsg; sleep 1; poweroff -f; sleep 60; }
while read -r module parameters; do
  insmod "/lab/modules/$module" $parameters || give_up "cannot load $module"
done </lab/modules.order
. /lab/job
mount_share() {
  mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 "$1" "$2" ||
    give_up "cannot mount $1"
}
mount_share host /host
if [ "$ROOT_TAG" = host ]; then mount --bind /host /root; else mount_share "$ROOT_TAG" /root; fi
for dir in tmp run var/tmp; do mount -t tmpfs -o mode=1777 lab "/root/$dir" || give_up "no /$dir"; done
mount -t devtmpfs dev /root/dev
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mkdir -p /root/dev/shm /root/dev/pts /root/dev/lab
mount -t tmpfs lab /root/dev/shm
mount -t devpts devpts /root/dev/pts
mount -t debugfs debugfs /root/sys/kernel/debug
mount -t configfs configfs /root/sys/kernel/config 2>/dev/null
ln -sf /proc/self/fd /root/dev/fd
for n in 0:stdin 1:stdout 2:stderr; do ln -sf "/proc/self/fd/\${n%%:*}" "/root/dev/\${n#*:}"; done
mount -t tmpfs lab /root/lib/modules || give_up "no /lib/modules in the root"
mkdir "/root/lib/modules/$RELEASE"
mount --bind "/host$MODULES" "/root/lib/modules/$RELEASE"
echo "$SHARE" | while read -r dir; do
  [ -n "$dir" ] || continue
  mkdir -p "/root$dir" && mount --bind "/host$dir" "/root$dir" || give_up "cannot share $dir"
done
mkdir -p /root/run/lab/bin
cp /bin/busybox /root/run/lab/
cp /lab/job /lab/program /lab/init2 /root/run/lab/
exec chroot /root /run/lab/busybox sh /run/lab/init2
`;

/** Goes on as the first process inside the root. That process's root is the one modprobe runs in. */
export const INIT2_SCRIPT = `cd /
/run/lab/busybox --install -s /run/lab/bin
export PATH=/run/lab/bin
. /run/lab/job
find_port() {
  for try in $(seq 100); do
    for port in /sys/class/virtio-ports/*; do
      [ "$(cat "$port/name" 2>/dev/null)" = "$1" ] && echo "/dev/\${port##*/}" && return
    done
    usleep 50000
  done
}
# Newer kernels give a SCSI disk's serial in two of these places.
serial_of() {
  for file in "$1/serial" "$1/device/serial"; do
    if [ -e "$file" ]; then cat "$file"; return; fi
  done
  tail -c +5 "$1/device/vpd_pg80" 2>/dev/null | tr -d '\\0'
}
link_disks() {
  for block in /sys/block/*; do
    serial=$(serial_of "$block" | tr -d ' \\n')
    [ -n "$serial" ] && ln -sf "/dev/\${block##*/}" "/dev/lab/$serial"
  done
}
for serial in $SERIALS; do
  for try in $(seq 100); do
    link_disks
    [ -b "/dev/lab/$serial" ] && break
    usleep 50000
  done
done
ip link set lo up 2>/dev/null
control=$(find_port ${PORTS.control})
exec 6<>"$control"
echo ready >&6
# Every line from the host is a sysrq command; the host's end closing means that nobody waits for us.
( while read -r command <&6; do echo "$command" >/proc/sysrq-trigger; done
  echo "lab: the host has gone" >/dev/kmsg; poweroff -f ) &
if [ -n "$INTERACTIVE" ]; then
  setsid sh -c 'exec env -i sh /run/lab/program </dev/hvc0 >/dev/hvc0 2>&1'
  code=$?
else
  stdout=$(find_port ${PORTS.stdout})
  mkfifo /run/lab/records
  exec 7<>/run/lab/records
  cat /run/lab/records >"$(find_port ${PORTS.records})" 7>&- &
  cat=$!
  setsid env -i PATH="$PATH" sh /run/lab/program </dev/null >"$stdout" 2>&1 6>&- 7>&-
  code=$?
  exec 7>&-
  ( sleep 5; kill "$cat" 2>/dev/null ) &
  wait "$cat"
fi
echo ended >&6
if [ -n "$KMEMLEAK" ] && [ -e /sys/kernel/debug/kmemleak ]; then
  # An object counts as leaked when it is older than 5 s and unchanged from one scan to the next.
  echo scan >/sys/kernel/debug/kmemleak
  sleep 6
  echo scan >/sys/kernel/debug/kmemleak
  while read -r line; do echo "$line" >/dev/kmsg; done </sys/kernel/debug/kmemleak
fi
echo "exit $code" >&6
poweroff -f
sleep 60
`;
