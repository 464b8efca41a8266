// SPDX-License-Identifier: GPL-2.0-only
//
// What the unit tests reach of the tool: in their own process, and in those that they start.
import { log } from "../model/in_guest.ts";
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

/** Files that no test has even loaded are in no profile: each of their lines counts as missed. */
async function unloaded(loaded: ReadonlySet<string>): Promise<FileSummary[]> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "cli/*.ts", "ffi/*.ts"],
    cwd: ROOT,
  }).output();
  const names = new TextDecoder().decode(stdout).trim().split("\n")
    .filter((name) => !new RegExp(NOT_OURS).test(name) && !name.endsWith(".d.ts"));
  return names.filter((name) => !loaded.has(name)).map((name) => {
    const all = Deno.readTextFileSync(`${ROOT}/${name}`).split("\n").length;
    return { name, lines: { hit: 0, all }, branches: { hit: 0, all: 0 }, missed: [] };
  });
}

/** File by file. */
export async function readProfiles(profiles: string): Promise<FileSummary[]> {
  const ours = `--include=^file://${ROOT}/(cli|ffi)/`;
  const text = await deno(
    ["coverage", "--lcov", ours, `--exclude=${NOT_OURS}`, profiles],
    { NO_COLOR: "1" },
  );
  const files = parseLcov(text, ROOT);
  return [...files, ...await unloaded(new Set(files.map(({ name }) => name)))];
}
