// SPDX-License-Identifier: GPL-2.0-only
// Builds the module from the sources that the program carries, without root, and keeps the result.
import { join } from "node:path";
import { cacheRoot, digestOf, isPrivate, makePrivateFolder } from "./cache.ts";
import { BuildError, BuildToolsMissingError } from "./errors.ts";
import { runProgram } from "./process.ts";
import { extractSources, moduleSources, type SourceFile } from "./sources.ts";
import { cureFor, headersFolder, missingBuildTools, runningRelease } from "./toolchain.ts";

/** The file that a build makes. */
const MODULE_FILE = "dm-remap.ko";

/** What to build against, and where to put it. */
export interface BuildOptions {
  /** The kernel's release; the running one unless given. */
  readonly release?: string;
  /** The folder of its headers; `/lib/modules/RELEASE/build` unless given. */
  readonly kdir?: string;
  /** Where the module goes; the cache unless given. */
  readonly outDir?: string;
  /** Where to build, and to leave what a later build there need not do again. */
  readonly workDir?: string;
  /** Build even if the cache has it. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
  /** Told in a sentence when something that takes time starts. */
  readonly onStep?: (step: string) => void;
}

/** A built module. */
export interface BuiltModule {
  readonly path: string;
  /** What make and the compiler wrote. */
  readonly log: string;
  /** Whether it was there already. */
  readonly cached: boolean;
}

/** What a build would do; for `--dry-run`. */
export interface BuildPlan {
  readonly release: string;
  readonly kdir: string;
  /** The command that builds in a copy of the sources. */
  readonly command: readonly string[];
}

/** Names the release, the headers and the command of a build. */
export function planBuild(options: BuildOptions = {}): BuildPlan {
  const release = options.release ?? runningRelease();
  const kdir = options.kdir ?? headersFolder(release);
  const jobs = Math.max(1, navigator.hardwareConcurrency);
  return { release, kdir, command: ["make", `-j${jobs}`, `KDIR=${kdir}`] };
}

/**
 * Builds the module, or finds it in the cache: the same sources against the same headers give the
 * same module.
 * @throws {BuildToolsMissingError} naming the packages
 * @throws {BuildError} with what the compiler wrote
 */
export async function buildModule(options: BuildOptions = {}): Promise<BuiltModule> {
  const plan = planBuild(options);
  const missing = missingBuildTools(plan.release, plan.kdir);
  if (missing.length > 0) {
    const list = missing.map((item) => item.what).join(", ");
    throw new BuildToolsMissingError(`cannot build the module without: ${list}`, cureFor(missing));
  }
  const sources = moduleSources();
  const cached = options.outDir === undefined
    ? join(cacheRoot(), "modules", await buildKey(plan, sources))
    : undefined;
  if (cached !== undefined && !options.fresh) {
    const found = fromCache(cached);
    if (found !== undefined) return found;
  }
  options.onStep?.(`building the module for ${plan.release} in ${plan.kdir}`);
  const folder = options.workDir ?? Deno.makeTempDirSync({ prefix: "dmremap-build-" });
  try {
    extractSources(sources, folder);
    const log = await make(plan, folder, options.signal);
    return { path: keep(folder, log, options.outDir ?? cached), log, cached: false };
  } finally {
    if (folder !== options.workDir) Deno.removeSync(folder, { recursive: true });
  }
}

async function make(plan: BuildPlan, folder: string, signal?: AbortSignal): Promise<string> {
  const [program = "make", ...args] = plan.command;
  const { code, stdout, stderr } = await runProgram(program, ["-C", folder, ...args], { signal });
  const log = `${stdout}${stderr}`;
  if (code === 0 && isFile(join(folder, MODULE_FILE))) return log;
  throw new BuildError(
    `the module does not build for ${plan.release} (make ended with ${code})`,
    "the lines above say why; please report them together with `dmremap-ts --version`",
    log,
  );
}

/** Moves the module to its place in one step, so that nobody ever finds half of one. */
function keep(folder: string, log: string, wanted: string | undefined): string {
  const place = wanted !== undefined && makeFolder(wanted)
    ? wanted
    : Deno.makeTempDirSync({ prefix: "dmremap-module-" });
  const write = (name: string, content: Uint8Array): string => {
    const target = join(place, name);
    const partial = `${target}.${crypto.randomUUID()}`;
    try {
      Deno.writeFileSync(partial, content, { mode: 0o644 });
      Deno.renameSync(partial, target);
    } catch (error) {
      if (isFile(partial)) Deno.removeSync(partial);
      throw error;
    }
    return target;
  };
  write("build.log", new TextEncoder().encode(log));
  return write(MODULE_FILE, Deno.readFileSync(join(folder, MODULE_FILE)));
}

/** The cache has to be ours alone, since root loads from it; a folder that the user named is theirs. */
function makeFolder(path: string): boolean {
  if (path.startsWith(cacheRoot())) return makePrivateFolder(path);
  Deno.mkdirSync(path, { recursive: true });
  return true;
}

function fromCache(folder: string): BuiltModule | undefined {
  const path = join(folder, MODULE_FILE);
  if (!isPrivate(folder) || !isPrivate(path)) return undefined;
  try {
    return { path, log: Deno.readTextFileSync(join(folder, "build.log")), cached: true };
  } catch {
    return undefined;
  }
}

/** The headers count with their configuration: a rebuilt kernel may keep its release. */
async function buildKey(plan: BuildPlan, sources: readonly SourceFile[]): Promise<string> {
  const headers = ["Module.symvers", ".config", "include/config/auto.conf"].flatMap((name) => {
    const content = readIfThere(join(plan.kdir, name));
    return content === undefined ? [] : [[name, content] as const];
  });
  const parts = sources.map(({ path, content }) => [`source:${path}`, content] as const);
  const text = new TextEncoder().encode(`${plan.release}\0${plan.kdir}`);
  const digest = await digestOf([["kernel", text], ...headers, ...parts]);
  return `${plan.release}-${digest.slice(0, 16)}`;
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch {
    return undefined;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
