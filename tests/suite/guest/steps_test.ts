// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";

/** What a program that has these lines tells its host. */
async function records(...lines: readonly string[]): Promise<unknown[]> {
  const dir = await Deno.makeTempDir();
  try {
    const steps = new URL("steps.ts", import.meta.url);
    const program = join(dir, "guest.ts");
    await Deno.writeTextFile(
      program,
      [`import { steps, tellFailure } from "${steps}";`, ...lines].join("\n"),
    );
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--no-config", program],
      clearEnv: true,
      env: { HOME: dir, NO_COLOR: "1" },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Without what differs from run to run. */
function told(all: readonly unknown[]): string[] {
  return all.map((record) => {
    assert.ok(typeof record === "object" && record !== null);
    const { type, name, text, error } = record as Record<string, string | undefined>;
    const what = name ?? text?.replace(/[\d.]+ s$/, "");
    return `${type} ${what}${error === undefined ? "" : `: ${error.split("\n")[0]}`}`;
  });
}

Deno.test("each step is told, the first that fails ends them, and is told once", async () => {
  const all = await records(
    'const step = steps("disk");',
    'await tellFailure("disk", async () => {',
    '  await step("one", async () => {});',
    '  await step("two", async () => { throw new Error("no"); });',
    '  await step("three", async () => {});',
    "});",
    'await steps()("four", async () => {});',
  );
  assert.deepEqual(told(all), [
    "progress disk: one: ",
    "result disk: one",
    "result disk: two: Error: no",
    "progress four: ",
    "result four",
  ]);
});

Deno.test("what fails between two steps is told as well", async () => {
  const all = await records(
    'await tellFailure("disk", async () => {',
    '  await steps()("one", async () => {});',
    '  throw new Error("between");',
    "});",
  );
  assert.deepEqual(told(all), ["progress one: ", "result one", "result disk: Error: between"]);
});
