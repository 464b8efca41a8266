// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";
import {
  type AptSource,
  parseDeb822Sources,
  parseListSources,
  siblingSuite,
} from "../../cli/lab/apt_sources.ts";
import { cached, digest } from "../../cli/lab/cache.ts";
import { exec, type Log } from "../../cli/lab/exec.ts";
import { ensurePackages } from "../../cli/lab/packages.ts";
import { type Outcome, outcome, type RunOptions } from "./checks.ts";

/** The smallest Debian that there is, and the libraries that every server has. */
const INCLUDED = ["libblkid1", "libdevmapper1.02.1"];

/** A machine image without Deno, without a compiler, without kernel headers. */
export async function ensureImage(log: Log): Promise<string> {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(await Deno.readTextFile("/etc/os-release"))?.[1];
  if (codename === undefined) throw new Error("/etc/os-release names no Debian release");
  const source = siblingSuite(await systemSources(), codename, codename);
  if (source === undefined) throw new Error(`apt's sources have no entry for ${codename} main`);
  return await cached(
    `image-${codename}-${await digest(source, ...INCLUDED)}`,
    log,
    async (dir) => {
      await ensurePackages(["mmdebstrap"], log);
      log(`making a machine image of ${codename} without Deno`);
      const options = ["--variant=minbase", "--quiet", `--include=${INCLUDED.join(",")}`];
      await exec(["mmdebstrap", ...options, codename, dir, source.trim()]);
    },
  );
}

async function systemSources(): Promise<AptSource[]> {
  const sources: AptSource[] = [];
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list"];
  for await (const entry of Deno.readDir(folder)) files.push(join(folder, entry.name));
  for (const file of files) {
    const text = await Deno.readTextFile(file).catch(() => "");
    if (file.endsWith(".sources")) sources.push(...parseDeb822Sources(text));
    else if (file.endsWith(".list")) sources.push(...parseListSources(text));
  }
  return sources;
}

/** An empty directory in the image, with copies of some files; gone when it is disposed of. */
export class Cell implements AsyncDisposable {
  private constructor(readonly image: string, readonly inside: string) {}

  static async create(image: string, files: Record<string, string>): Promise<Cell> {
    const outside = await Deno.makeTempDir({ dir: join(image, "opt"), prefix: "dmremap-" });
    await Deno.chmod(outside, 0o755);
    for (const [name, from] of Object.entries(files)) {
      await Deno.copyFile(from, join(outside, name));
    }
    return new Cell(image, outside.slice(image.length));
  }

  /**
   * Runs a command there, with the cell as its working directory. `readOnly`: nothing in the image
   * can be written, not even /tmp and /dev.
   */
  run(
    command: readonly string[],
    { readOnly = false, user = "0:0", ...options }: RunOptions & {
      readonly readOnly?: boolean;
      readonly user?: string;
    } = {},
  ): Promise<Outcome> {
    const script = [
      "set -e",
      'mount --bind "$IMAGE" "$IMAGE"',
      'mount --bind /dev "$IMAGE/dev"',
      'mount -t proc proc "$IMAGE/proc"',
      ...(readOnly ? [] : ['mount -t tmpfs tmpfs "$IMAGE/tmp"']),
      // With `bind` it is this mount that becomes read-only, not the file system behind it.
      ...(readOnly ? ['mount -o remount,ro,bind "$IMAGE"'] : []),
      ...(readOnly ? ['mount -o remount,ro,bind "$IMAGE/dev"'] : []),
      'exec chroot --userspec="$CELL_USER" "$IMAGE" ' +
      `/bin/sh -c 'cd "$INSIDE" && exec env -u IMAGE -u INSIDE -u CELL_USER "$@"' sh "$@"`,
    ];
    return outcome(["unshare", "--mount", "sh", "-c", script.join("\n"), "sh", ...command], {
      ...options,
      clearEnv: true,
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        ...options.env,
        IMAGE: this.image,
        INSIDE: this.inside,
        CELL_USER: user,
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(join(this.image, this.inside), { recursive: true });
  }
}
