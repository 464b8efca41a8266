// SPDX-License-Identifier: GPL-2.0-only
// A build tree for a kernel whose tools need another system than this machine's.
import { shellQuote } from "./guest_init.ts";

/** Where a kernel's headers are, and what is needed to use them. */
export interface BuildRoot {
  /** The other system: a folder that has make, a compiler and the headers in it. */
  readonly root: string;
  /** The headers' folder, as it is called in there. */
  readonly headers: string;
}

/**
 * Hands every target on to the headers in the other system. Whoever builds a module needs not know:
 * the folder is used as the headers' own would be, with `make -C KDIR M=DIR modules`, and the
 * variables of the command line (W=1, C=2) arrive.
 */
const MAKEFILE = `# SPDX-License-Identifier: GPL-2.0-only
.DEFAULT_GOAL := modules

Makefile: ;

%::
	+@$(CURDIR)/inside '$(M)' $@
`;

/** What is mounted is seen by this command only, and is gone with it. */
function insideScript({ root, headers }: BuildRoot): string {
  return `#!/bin/sh -e
# SPDX-License-Identifier: GPL-2.0-only
# inside DIR TARGET: makes TARGET for the external module in DIR.
[ -d "$1" ] || { echo "M=$1: not a directory" >&2; exit 2; }
dir=$(realpath "$1")
export PATH=/usr/local/bin:/usr/sbin:/usr/bin TMPDIR=/tmp
exec unshare --mount sh -ec '
  root=$1 dir=$2 headers=$3 target=$4
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  mkdir -p "$root$dir"
  mount --bind "$dir" "$root$dir"
  exec chroot "$root" make -C "$headers" M="$dir" "$target"
' sh ${shellQuote(root)} "$dir" ${shellQuote(headers)} "$2"
`;
}

/** What tells one configuration of a kernel from another, and has to be found in its build tree. */
const CONFIGURATION = [".config", "Module.symvers", "include"] as const;

/** What tells one kind of build folder from another: a part of the key of what is cached. */
export const BUILD_FOLDER_RECIPE = MAKEFILE + insideScript({ root: "", headers: "" });

/** Makes a build tree of the folder `dir`, which is empty yet. */
export async function makeBuildFolder(dir: string, system: BuildRoot): Promise<void> {
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/Makefile`, MAKEFILE);
  await Deno.writeTextFile(`${dir}/inside`, insideScript(system), { mode: 0o755 });
  for (const name of CONFIGURATION) {
    await Deno.symlink(`${system.root}${system.headers}/${name}`, `${dir}/${name}`);
  }
}
