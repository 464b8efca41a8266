// SPDX-License-Identifier: GPL-2.0-only
// What the documents say can be typed, and what they point at exists.
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import { buildProgram } from "../../cli/app.ts";
import { walkCommands } from "../../cli/commands/support/command_doc.ts";
import { Session } from "../../cli/commands/support/session.ts";
import { parseSectorRanges } from "../../cli/device/sectors.ts";
import { MemoryTerminal } from "../../cli/output/memory_terminal.ts";
import { EXIT_MEANINGS } from "../../cli/output/exit_codes.ts";
import { documents, shellBlocks, shellWords, toolCommands } from "./blocks.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");
const texts = new Map(
  documents(root).map((path) => [path, Deno.readTextFileSync(join(root, path))]),
);
const blocks = [...texts].flatMap(([path, text]) => shellBlocks(path, text));

/** Parses with the real command tree; nothing is done. */
async function parse(words: readonly string[]): Promise<void> {
  const program = buildProgram(new Session({ terminal: new MemoryTerminal() }));
  for (const { command } of walkCommands(program)) {
    if (command.commands.length === 0) {
      command.action((...parameters: unknown[]) => {
        const sectors = command.registeredArguments.findIndex((each) => each.name() === "sectors");
        if (sectors >= 0) parseSectorRanges(parameters[sectors] as string[]);
      });
    }
  }
  await program.parseAsync([...words], { from: "user" });
}

Deno.test("every command line in the documents fits the command tree", async (t) => {
  const commands = blocks.flatMap(toolCommands);
  assert.ok(commands.length > 20, `only ${commands.length} found`);
  for (const { document, line, words } of commands) {
    await t.step(`${document}:${line} ${words.join(" ")}`, () => parse(words));
  }
});

Deno.test("a wrong command line would be noticed", async () => {
  for (const line of ["stauts", "create r0 /dev/sdb1", "remap r0 12-", "list --jsn", "man --all"]) {
    await assert.rejects(parse(shellWords(line)), line);
  }
});

Deno.test("every task in the documents is one of deno.json", () => {
  const { tasks } = JSON.parse(Deno.readTextFileSync(join(root, "deno.json")));
  for (const [path, text] of texts) {
    for (const [, task = ""] of text.matchAll(/deno(?:@[\d.]+)? task (\w+)/g)) {
      assert.ok(task in tasks, `${path}: ${task}`);
    }
  }
});

Deno.test("the README has both commands as they are typed", () => {
  const lines = (texts.get("README.md") ?? "").split("\n");
  assert.ok(lines.includes("npx -y deno@2.9.6 task selftest"));
  assert.ok(lines.includes("npx -y deno@2.9.6 task test"));
});

Deno.test("links between the documents lead somewhere", () => {
  for (const [path, text] of texts) {
    for (const [, link = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      const content = Deno.readTextFileSync(join(root, target));
      if (anchor !== undefined) assert.ok(anchors(content).includes(anchor), `${path}: ${link}`);
    }
  }
});

Deno.test("every document is found by whoever begins with the README", () => {
  const found = new Set(["README.md"]);
  for (const path of found) {
    for (const [, link = ""] of (texts.get(path) ?? "").matchAll(/\]\(([^)\s]+)\)/g)) {
      const target = normalize(join(dirname(path), link.split("#")[0] ?? ""));
      if (texts.has(target)) found.add(target);
    }
  }
  assert.deepEqual([...texts.keys()].filter((path) => !found.has(path)), []);
});

Deno.test("the exit codes are those of the program", () => {
  const table = texts.get("docs/install.md") ?? "";
  for (const [code, meaning] of Object.entries(EXIT_MEANINGS)) {
    const row = new RegExp(`^\\| ${code} +\\| ${escape(meaning)} +\\|$`, "m");
    assert.match(table.replaceAll("`", ""), row);
  }
});

Deno.test("a shell line falls apart as the shell would have it", () => {
  assert.deepEqual(shellWords("a 'b c' \"d\"e $(f g) # h"), ["a", "b c", "de", "$(f g)"]);
  assert.deepEqual(shellWords("a>b|c -x 2>/dev/null && d"), [
    ...["a", ">", "b", "|", "c", "-x", "2>", "/dev/null", "&&", "d"],
  ]);
});

function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
