// SPDX-License-Identifier: GPL-2.0-only
import {
  type AptSource,
  parseDeb822Sources,
  parseListSources,
  siblingSuite,
} from "./apt_sources.ts";
import { cacheDir } from "./cache.ts";
import { LabError } from "./errors.ts";
import { exec, type Log } from "./exec.ts";
import { refreshLists } from "./packages.ts";

/** A view of the package archives: the machine's own, or another suite in a directory of its own. */
export interface Archive {
  /** Options for every apt command. */
  readonly options: readonly string[];
  readonly refresh: (log: Log) => Promise<void>;
}

export const SYSTEM_ARCHIVE: Archive = { options: [], refresh: refreshLists };

/**
 * The backports suite of the running Debian release, from the mirror that the machine uses already.
 * Its lists live in the cache, so that the machine's own configuration stays as it is.
 */
export async function backportsArchive(): Promise<Archive> {
  const codename = await releaseCodename();
  const suite = `${codename}-backports`;
  const line = siblingSuite(await systemSources(), codename, suite);
  if (line === undefined) {
    throw new LabError(`apt's sources have no entry for ${codename} main to derive ${suite} from`);
  }
  const dir = `${cacheDir()}/apt-${suite}`;
  const list = `${dir}/${suite}.list`;
  const options = [
    `Dir::Etc::SourceList=${list}`,
    "Dir::Etc::SourceParts=-",
    `Dir::State::Lists=${dir}/lists`,
    `Dir::Cache=${dir}/cache`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  let refreshed = false;
  return {
    options,
    refresh: async (log) => {
      if (refreshed) return;
      await Deno.mkdir(`${dir}/lists/partial`, { recursive: true });
      await Deno.mkdir(`${dir}/cache/archives/partial`, { recursive: true });
      await Deno.writeTextFile(list, line);
      log(`reading the package lists of ${suite}`);
      await exec(["apt-get", "update", "-qq", ...options]);
      refreshed = true;
    },
  };
}

/** The name of the Debian release that runs here. */
export async function releaseCodename(): Promise<string> {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(await Deno.readTextFile("/etc/os-release"))?.[1];
  if (codename === undefined) throw new LabError("/etc/os-release names no Debian release");
  return codename;
}

/** The sources that this machine's apt uses. */
export async function systemSources(): Promise<AptSource[]> {
  const sources: AptSource[] = [];
  const folder = "/etc/apt/sources.list.d";
  const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  const files = ["/etc/apt/sources.list", ...entries.map(({ name }) => `${folder}/${name}`)];
  for (const file of files) {
    const text = await Deno.readTextFile(file).catch(() => "");
    if (file.endsWith(".sources")) sources.push(...parseDeb822Sources(text));
    else if (file.endsWith(".list")) sources.push(...parseListSources(text));
  }
  return sources;
}

/** The installed version of a package, else the version that apt would install. */
export async function packageVersion(name: string, log: Log): Promise<string> {
  const policy = async (field: string) => {
    const text = await exec(["apt-cache", "policy", name]);
    const version = new RegExp(`^\\s*${field}: (\\S+)`, "m").exec(text)?.[1];
    return version === "(none)" ? undefined : version;
  };
  const known = await policy("Installed") ?? await policy("Candidate");
  if (known !== undefined) return known;
  await refreshLists(log);
  const found = await policy("Candidate");
  if (found === undefined) {
    throw new LabError(`no Debian package ${name} in this machine's archives`);
  }
  return found;
}

/** The packages that a package names in its Depends field, without versions and alternatives. */
export async function dependencies(name: string, archive: Archive): Promise<string[]> {
  const text = await exec([
    ...["apt-cache", "show", "--no-all-versions", ...archive.options, name],
  ]);
  const line = /^Depends: (.*)$/m.exec(text)?.[1] ?? "";
  return line.split(",").map((entry) => entry.trim().split(/[\s:|]/)[0] ?? "").filter(Boolean);
}

/** Downloads packages and unpacks them into `dir`, without installing them. */
export async function fetchPackages(
  names: readonly string[],
  dir: string,
  options: { readonly archive?: Archive; readonly log: Log },
): Promise<void> {
  const archive = options.archive ?? SYSTEM_ARCHIVE;
  options.log(
    `fetching Debian packages (unpacked into the cache, not installed): ${names.join(" ")}`,
  );
  const download = ["apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root"];
  await Deno.mkdir(dir, { recursive: true });
  const debs = await Deno.makeTempDir({ dir, prefix: "debs-" });
  try {
    await archive.refresh(options.log);
    await exec([...download, ...archive.options, ...names], { cwd: debs });
    for await (const entry of Deno.readDir(debs)) {
      await exec(["dpkg-deb", "-x", `${debs}/${entry.name}`, dir]);
    }
  } finally {
    await Deno.remove(debs, { recursive: true });
  }
}
