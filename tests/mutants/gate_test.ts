// SPDX-License-Identifier: GPL-2.0-only
// The gate itself, over a small repository whose only test is a shell script.
import assert from "node:assert/strict";
import { exec } from "../../cli/lab/exec.ts";
import { cacheRoot } from "../../cli/kmod/cache.ts";
import { runGate } from "./gate.ts";
import { type Mutant, parsePatch } from "./patch.ts";
import { formatOutcomes } from "./report.ts";

const SCRIPT = `
grep -q good text && echo "[1 s] text: passed" || echo "[1 s] FAILED text: it says $(cat text)"
test -e scratch && sleep 60
grep -q good text && echo "1 passed, 0 failed"
grep -q good text
`;

function mutant(name: string, to: string, more: Partial<Mutant> = {}, from = "good"): Mutant {
  const header = "Breaks: contract: text\nRun: bash check.sh\nCaught-by: text\n";
  const diff = "diff --git a/text b/text\n--- a/text\n+++ b/text\n@@ -1 +1 @@\n" +
    `-${from}\n+${to}\n`;
  return { ...parsePatch(name, `${header}\n${diff}`), ...more };
}

async function repository(): Promise<string> {
  const root = await Deno.makeTempDir();
  await Deno.writeTextFile(`${root}/text`, "better\n");
  await Deno.writeTextFile(`${root}/check.sh`, SCRIPT);
  await Deno.writeTextFile(`${root}/untracked`, "");
  for (const args of [["init", "-q"], ["add", "text", "check.sh"]]) {
    await exec(["git", "-C", root, ...args]);
  }
  // A change that was not committed counts, a file that git does not know does not.
  await Deno.writeTextFile(`${root}/text`, "good\n");
  return root;
}

async function leftBehind(): Promise<string[]> {
  const list = async (path: string) =>
    (await Array.fromAsync(Deno.readDir(path))).map((e) => e.name);
  return [
    ...await list(`${cacheRoot()}/mutants`).catch(() => []),
    ...(await list("/tmp")).filter((name) => name.startsWith("dmremap-mutant-")),
  ].sort();
}

async function gate(mutants: readonly Mutant[], more: { signal?: AbortSignal } = {}) {
  const root = await repository();
  const lines: string[] = [];
  try {
    const outcomes = await runGate(mutants, {
      root,
      lanes: 2,
      baseline: true,
      signal: new AbortController().signal,
      log: (line) => void lines.push(line),
      ...more,
    });
    return { outcomes, lines };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("each verdict, in the order of the mutants", async () => {
  const { outcomes, lines } = await gate([
    mutant("caught", "bad"),
    mutant("survived", "goods"),
    mutant("other", "bad", { caughtBy: "another test" }),
    mutant("stale", "bad", {}, "gone"),
    mutant("red", "bad", { command: ["false"] }),
    mutant("slow", "good\n+and slow", { command: ["sleep", "30"], limitSeconds: 1 }),
  ]);
  assert.deepEqual(outcomes.map(({ verdict }) => verdict), [
    "caught",
    "survived",
    "caught otherwise",
    "does not apply",
    "baseline red",
    "baseline red",
  ]);
  assert(lines.includes("green: bash check.sh"));
  assert.match(formatOutcomes(outcomes), /caught +contract: text +text: it says bad/);
  assert.match(formatOutcomes(outcomes), /SURVIVED: nothing[\s\S]*\n1 passed, 5 failed$/);
});

Deno.test("nothing is waited for behind a failed test, and nothing stays in the end", async () => {
  const before = await leftBehind();
  const slow = "Breaks: contract: text\nRun: bash check.sh\nCaught-by: text\n\n" +
    "diff --git a/scratch b/scratch\nnew file mode 100644\n--- /dev/null\n+++ b/scratch\n" +
    "@@ -0,0 +1 @@\n+x\ndiff --git a/text b/text\n--- a/text\n+++ b/text\n@@ -1 +1 @@\n-good\n+bad\n";
  const { outcomes } = await gate([parsePatch("slow", slow)]);
  assert.equal(outcomes[0]?.verdict, "caught");
  assert((outcomes[0]?.seconds ?? 60) < 30);
  assert.deepEqual(await leftBehind(), before);
});

Deno.test("an interrupt ends the commands, and nothing stays", async () => {
  const before = await leftBehind();
  const interrupt = new AbortController();
  const mutants = [1, 2].map((n) => mutant(`long${n}`, "bad", { command: ["sleep", `6${n}`] }));
  setTimeout(() => interrupt.abort(new Error("interrupted")), 500);
  await assert.rejects(gate(mutants, { signal: interrupt.signal }), /interrupted/);
  assert.deepEqual(await leftBehind(), before);
});
