// SPDX-License-Identifier: GPL-2.0-only
//
// What the unit tests reach of the tool: in their own process, and in those that they start.
import { log } from "../suite/guest/in_guest.ts";
import { parseLcov } from "./lcov.ts";
import type { FileSummary } from "./summary.ts";

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const SUITES = ["cli", "ffi"];
/** What stands in for something in tests is no part of the tool. */
const NOT_OURS = "(_test|_fixture|/fake_\\w+)\\.ts$";

async function deno(args: readonly string[], env: Record<string, string>): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env,
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  throw new Error(`deno ${args.join(" ")}:\n${text}${new TextDecoder().decode(stderr)}`);
}

/** Runs the tests; Deno leaves a profile of each process in the folder. */
export async function measureUnitTests(profiles: string, paths = SUITES): Promise<void> {
  log(`running the tests of ${paths.join(" and ")}`);
  // Children that are Deno as well find the variable in their environment.
  const env = { DENO_COVERAGE_DIR: profiles };
  await deno(["test", "-A", "--no-check", `--coverage=${profiles}`, ...paths], env);
}

function* sourcesBelow(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesBelow(path);
    else if (/(?<!\.d)\.ts$/.test(name) && !new RegExp(NOT_OURS).test(path)) yield path;
  }
}

/** Whatever it does, a file of code has such a line; types alone are not executed. */
const EXECUTABLE = /^\s*(export )?(async )?(function|class|const|let|return|if|for)\b/;

/** Files that no test has even loaded are in no profile: each of their lines counts as missed. */
function unloaded(loaded: ReadonlySet<string>): FileSummary[] {
  const names = SUITES.flatMap((folder) => [...sourcesBelow(folder)]);
  return names.filter((name) => !loaded.has(name)).flatMap((name) => {
    const lines = Deno.readTextFileSync(`${ROOT}/${name}`).split("\n");
    if (!lines.some((line) => EXECUTABLE.test(line))) return [];
    return { name, lines: { hit: 0, all: lines.length }, branches: { hit: 0, all: 0 }, missed: [] };
  });
}

/** File by file, of all folders together. */
export async function readProfiles(profiles: readonly string[]): Promise<FileSummary[]> {
  const ours = `--include=^file://${ROOT}/(cli|ffi)/`;
  const text = await deno(
    ["coverage", "--lcov", ours, `--exclude=${NOT_OURS}`, ...profiles],
    { NO_COLOR: "1" },
  );
  const files = parseLcov(text, ROOT);
  return [...files, ...unloaded(new Set(files.map(({ name }) => name)))];
}
