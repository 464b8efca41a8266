// SPDX-License-Identifier: GPL-2.0-only
// What a build of the module needs on the machine, and which Debian package brings it.
import { join } from "node:path";
import { findProgram } from "./process.ts";

/** Something that is not there, and how to get it. */
export interface Missing {
  readonly what: string;
  /** Debian package, if one is known to bring it. */
  readonly debianPackage?: string;
}

const HEADERS = "linux-headers-";

/** Where the headers of a kernel are expected. */
export function headersFolder(release: string): string {
  return `/lib/modules/${release}/build`;
}

/** The release of the running kernel, as `uname -r` gives it. */
export function runningRelease(): string {
  return Deno.osRelease();
}

/** Debian's name for a kernel flavour: "6.1.0-56-amd64" -> "amd64"; undefined if it is not Debian's. */
export function debianFlavour(release: string): string | undefined {
  return /^\d+\.\d+(?:\.\d+)?(?:-\d+|\+deb\d+(?:\.\d+)?)?.*?-((?:rt-|cloud-)?(?:amd64|arm64|686(?:-pae)?|armmp|ppc64el|s390x|riscv64))$/
    .exec(release)?.[1];
}

/** What has to be installed before {@linkcode kdir} can be built against. */
export function missingBuildTools(
  release: string,
  kdir: string,
  find: (name: string) => string | undefined = findProgram,
): Missing[] {
  const missing: Missing[] = [];
  if (!isHeadersFolder(kdir)) missing.push(missingHeaders(release, kdir));
  for (const [program, debianPackage] of [["make", "make"], ["gcc", "gcc"]] as const) {
    if (find(program) === undefined) missing.push({ what: program, debianPackage });
  }
  return missing;
}

/** Whether a folder can be handed to the kernel's build system. */
export function isHeadersFolder(kdir: string): boolean {
  try {
    return Deno.statSync(join(kdir, "Makefile")).isFile;
  } catch {
    return false;
  }
}

/** One sentence that says how to get what is missing. */
export function cureFor(missing: readonly Missing[]): string {
  const packages = missing.flatMap((item) => item.debianPackage ?? []);
  const others = missing.filter((item) => item.debianPackage === undefined);
  const sentences: string[] = [];
  if (packages.length > 0) {
    sentences.push(`on Debian: apt-get install ${packages.join(" ")}`);
  }
  const headers = packages.find((name) => name.startsWith(HEADERS));
  if (headers !== undefined) {
    const flavour = debianFlavour(headers.slice(HEADERS.length));
    sentences.push(
      "if that package is gone from the archive, the kernel is outdated: install " +
        `linux-image-${flavour} and linux-headers-${flavour}, and reboot`,
    );
  }
  if (others.length > 0) {
    sentences.push(
      "this is not a Debian kernel: get its headers from where the kernel came from, " +
        "and name their folder with --kdir",
    );
  }
  return sentences.join("; ");
}

function missingHeaders(release: string, kdir: string): Missing {
  const what = `kernel headers for ${release} (no Makefile in ${kdir})`;
  return debianFlavour(release) === undefined
    ? { what }
    : { what, debianPackage: `${HEADERS}${release}` };
}
