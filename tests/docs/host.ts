// SPDX-License-Identifier: GPL-2.0-only
/**
 * Types what the documents say: `deno run -A tests/docs/host.ts [--kernel ID] [docs/X.md...]` runs
 * every block that is marked `guest`, in a guest where /dev/sdb1 holds a file system and /dev/sdc1
 * is empty. In the end the file system has to be whole, without the layer. Takes dist/dmremap-ts.
 */
import { join } from "node:path";
import { buildModule } from "../../cli/kmod/build.ts";
import { guestFailure, runGuest } from "../../cli/lab/guest.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";
import { ensurePackages, STAGE_PACKAGES } from "../../cli/lab/packages.ts";
import { documents, type ShellBlock, shellBlocks } from "./blocks.ts";
import { blockScript, sessionDifference } from "./transcript.ts";

const MIB = 1024 * 1024;
const root = join(import.meta.dirname ?? ".", "..", "..");
const encoder = new TextEncoder();
const say = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
const log = (text: string) => Deno.stderr.writeSync(encoder.encode(`${text.trimEnd()}\n`));

/** No snapshots, and a file system with some hundred files, made before the layer is there. */
const SETUP = `
mountpoint -q /var/lib || mount -t tmpfs var-lib /var/lib
rm -rf /var/lib/dmremap-ts
delpart /dev/sdb 1 2>/dev/null || true
delpart /dev/sdc 1 2>/dev/null || true
addpart /dev/sdb 1 2048 $((256 * 2048))
addpart /dev/sdc 1 2048 $((16 * 2048))
dd if=/dev/zero of=/dev/sdc1 bs=1M count=2 status=none
mkfs.ext4 -q -F /dev/sdb1
mount /dev/sdb1 /mnt
cp -r /usr/share/perl5 /mnt/files 2>/dev/null || cp -r /usr/share/doc/[a-d]* /mnt/
sync
(cd /mnt && find . -type f -exec sha256sum {} +) >/tmp/sums
umount /mnt
`;

/** What a document takes for granted at its start. */
const STATE: Readonly<Record<string, string>> = {
  "docs/lists.md": `
mkdir -p /tmp/lists
cd /tmp/lists
printf '%s\\n' 4000 4001 20000 >bad.txt
ddrescuelog -b1024 -c-+ - <bad.txt >rescue.map
`,
  "docs/emergency-main.md": `
dmremap-ts create r0 /dev/sdb1 /dev/sdc1
mount /dev/mapper/r0 /mnt
dmremap-ts remap r0 4096+64 16384-16639
`,
  "docs/emergency-metadata.md": `
dmremap-ts create r0 /dev/sdb1 /dev/sdc1
mount -o noinit_itable /dev/mapper/r0 /mnt
dmremap-ts remap r0 4096+64 16384-16639
dmremap-ts snapshot take r0
umount /mnt
dmremap-ts remove r0 --yes
dd if=/dev/urandom of=/dev/sdc1 bs=4096 count=400 conv=fsync status=none
`,
  "docs/emergency-spare.md": `
dmremap-ts create r0 /dev/sdb1 /dev/sdc1
mount -o noinit_itable /dev/mapper/r0 /mnt
dmremap-ts remap r0 4096+64 16384-16639
sync
dmremap-ts snapshot take r0 --with-data
`,
  "docs/hotplug.md": `
dmremap-ts create r0 /dev/sdb1 /dev/sdd
mount -o noinit_itable /dev/mapper/r0 /mnt
dmremap-ts remap r0 4096+64 16384-16639
`,
  "docs/migrate.md": `
dmremap-ts create r0 /dev/sdb1 /dev/sdc1
mount -o noinit_itable /dev/mapper/r0 /mnt
dmremap-ts remap r0 4096+64 16384-16639
`,
  "docs/remove-the-layer.md": `
dmremap-ts create r0 /dev/sdb1 /dev/sdc1
mount /dev/mapper/r0 /mnt
dmremap-ts remap r0 4096+64 16384-16639
`,
};

const AFTERWARDS = `
test -z "$(dmremap-ts list --names)"
if mountpoint -q /mnt; then umount /mnt; fi
fsck.ext4 -f -n /dev/sdb1
mount -o ro /dev/sdb1 /mnt
(cd /mnt && sha256sum --quiet -c /tmp/sums)
umount /mnt
`;

const WITHOUT_LAYER = `
umount /mnt
dmremap-ts clear r0 --yes
dmremap-ts remove r0 --yes
${AFTERWARDS}`;

/** What is looked at in the end, where it is not the old main device, or the layer is there still. */
const OTHER_END: Readonly<Record<string, string>> = {
  "docs/emergency-main.md": `
dmremap-ts remove r0 --yes
mount -o ro /dev/sdd /mnt
(cd /mnt && sha256sum --quiet -c /tmp/sums)
umount /mnt
dd if=/dev/zero of=/dev/sdd bs=1M count=32 conv=fsync status=none
`,
  "docs/emergency-metadata.md": WITHOUT_LAYER,
  "docs/emergency-spare.md": `${WITHOUT_LAYER}
dd if=/dev/zero of=/dev/sdd bs=1M count=32 conv=fsync status=none
`,
  // The next document finds the disk under its own name.
  "docs/hotplug.md": `${WITHOUT_LAYER}
for disk in /dev/sd[d-z]; do
  dd if=/dev/zero of=$disk bs=1M count=32 conv=fsync status=none
  echo 1 >/sys/block/\${disk#/dev/}/device/delete
done
for host in /sys/class/scsi_host/host*/scan; do echo '- - -' >$host; done
sleep 1
test -b /dev/sdd
`,
  "docs/snapshots.md": `
dmremap-ts clear r0 --yes
dmremap-ts remove r0 --yes
${AFTERWARDS}`,
  "docs/migrate.md": `${WITHOUT_LAYER}
dd if=/dev/zero of=/dev/sdd bs=1M count=32 conv=fsync status=none
`,
};

interface Plan {
  readonly document: string;
  readonly blocks: readonly ShellBlock[];
}

function plans(): Plan[] {
  const named = Deno.args.filter((arg) => arg.endsWith(".md"));
  const wanted = (path: string) => named.length === 0 || named.includes(path);
  return documents(root).filter(wanted).map((document) => ({
    document,
    blocks: shellBlocks(document, Deno.readTextFileSync(join(root, document)))
      .filter(({ marks }) => marks.includes("guest")),
  })).filter(({ blocks }) => blocks.length > 0);
}

/** Lines that start with a mark tell the parts of the output apart. */
const MARK = "=== ";

function guestScript(documents: readonly Plan[]): string {
  const part = (name: string, script: string) => `echo '${MARK}${name}'\n${script}`;
  return [
    "set -eu",
    "exec 2>&1",
    "dmremap-ts kmod load",
    ...documents.flatMap(({ document, blocks }) => [
      part(`${document}: set up`, SETUP + (STATE[document] ?? "")),
      ...blocks.map((block) => part(`${document}:${block.line}`, blockScript(block))),
      part(`${document}: afterwards`, OTHER_END[document] ?? AFTERWARDS),
    ]),
    part("end", ""),
  ].join("\n");
}

function parts(output: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const piece of output.replaceAll("\r", "").split(`\n${MARK}`).slice(1)) {
    const end = piece.indexOf("\n");
    found.set(piece.slice(0, end), piece.slice(end + 1));
  }
  return found;
}

async function main(): Promise<number> {
  const at = Deno.args.indexOf("--kernel");
  await ensurePackages([...STAGE_PACKAGES, "gddrescue"], log);
  const kernel = await ensureKernel(at < 0 ? "6.1" : Deno.args[at + 1] ?? "", log);
  const module = await buildModule({ kdir: kernel.kdir, release: kernel.release });
  const chosen = plans();
  const result = await runGuest({
    kernel,
    module: module.path,
    argv: ["/bin/sh", "-c", `PATH=${join(root, "dist")}:$PATH\n${guestScript(chosen)}`],
    // The same size for all, for it is not known which of them becomes sdb.
    disks: Array.from({ length: 4 }, () => ({ bus: "scsi", sizeBytes: 260 * MIB }) as const),
    timeoutSeconds: 1500,
    onStdout: say,
    log,
  });
  const came = parts(result.stdout);
  let [passed, failed] = [0, 0];
  const judge = (name: string, problem: string | undefined) => {
    if (problem === undefined) passed++;
    else failed++;
    say(`${problem === undefined ? "ok   " : "FAIL "} ${name}\n`);
    if (problem !== undefined) say(`${problem.replaceAll(/^/gm, "      ")}\n`);
  };
  const names = [...came.keys()];
  say("\n");
  for (const { document, blocks } of chosen) {
    for (const block of blocks) {
      const name = `${document}:${block.line}`;
      const output = came.get(name);
      const ended = output !== undefined && names.indexOf(name) < names.length - 1;
      judge(name, ended ? sessionDifference(block, output) : "did not end well");
    }
    const whole = names.indexOf(`${document}: afterwards`) < names.length - 1;
    const reached = came.has(`${document}: afterwards`);
    judge(`${document}: the file system is whole`, reached && whole ? undefined : "no");
  }
  judge("the guest", guestFailure(result));
  say(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

Deno.exit(await main());
