// SPDX-License-Identifier: GPL-2.0-only
// The tree is as docs/architecture.md says: its folders, its imports, and the sizes of its parts.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  cFunctionSizes,
  findRing,
  folderOf,
  functionSizes,
  importRules,
  importsOf,
  isAllowed,
  tableRows,
  testsAmong,
} from "./architecture.ts";

const MAX_FILE = 400;
const MAX_FUNCTION = 60;

const root = join(import.meta.dirname ?? ".", "..", "..");
const read = (path: string) => Deno.readTextFileSync(join(root, path));
const document = read("docs/architecture.md");
const rules = importRules(document);
const larger = new Map(
  tableRows(document, "larger", "because").map(([what = "", why = ""]) => [what, why]),
);

const files = [...walk("")].sort();
const scripts = files.filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"));
const imports = scripts.flatMap((path) => importsOf(path, read(path)));

function* walk(folder: string): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(root, folder))) {
    const path = join(folder, name);
    if (["dist", "node_modules"].includes(path) || name.startsWith(".")) continue;
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}

Deno.test("every folder of cli/, tests/ and the root is named in the document", () => {
  const folders = new Set(
    files.filter((path) => path.includes("/")).map((path) => {
      const [top = "", second = ""] = path.split("/");
      const deeper = ["cli", "tests"].includes(top) && path.split("/").length > 2;
      return deeper ? `${top}/${second}` : top;
    }),
  );
  const own = new Set(["docs", "dist", "cli"]);
  for (const folder of folders) {
    if (own.has(folder)) continue;
    assert.ok(new RegExp(`\`${folder}/?\``).test(document), `${folder} is not named`);
  }
});

Deno.test("every folder that the document names is there", () => {
  for (
    const [, folder = ""] of document.matchAll(/`((?:cli|tests|kmod|ffi|deploy)(?:\/\w+)*)\/?`/g)
  ) {
    assert.ok(existsSync(join(root, folder)), folder);
  }
});

Deno.test("imports go down, as the table has it", () => {
  assert.ok(imports.length > 2000, `only ${imports.length} found`);
  for (const folder of rules.keys()) assert.ok(existsSync(join(root, folder)), folder);
  const tests = testsAmong(imports);
  const wrong = imports.filter(({ from }) => !tests.has(from))
    .filter((each) => !isAllowed(each, rules)).map(({ from, to }) => `${from} -> ${to}`);
  assert.deepEqual(wrong, []);
});

Deno.test("every import that the table allows is made", () => {
  const made = new Set(imports.map(({ from, to }) => `${folderOf(from)} -> ${folderOf(to)}`));
  for (const [folder, allowed] of rules) {
    if (["cli/commands", "tests"].includes(folder)) continue;
    for (const other of allowed) {
      assert.ok(made.has(`${folder} -> ${other}`), `${folder}, ${other}`);
    }
  }
});

Deno.test("no files import each other in a ring", () => {
  assert.equal(findRing(imports), undefined);
});

Deno.test("only the terminal writes to the terminal", () => {
  const writers = scripts.filter((path) => path.startsWith("cli/") || path.startsWith("ffi/"))
    .filter((path) => /^[^*/]*(?:\bDeno\.std(?:out|err)\b|\bconsole\.)/m.test(read(path)));
  const others = writers.filter((path) => !path.startsWith("cli/pack/"));
  // A process that the store's tests start.
  assert.deepEqual(others, ["cli/output/terminal.ts", "cli/store/test_process.ts"]);
});

Deno.test("no file and no function is larger than they may be, unless the document says why", () => {
  const found: string[] = [];
  const see = (what: string, lines: number, limit: number) => {
    if (lines > limit) found.push(larger.has(what) ? what : `${what}: ${lines} lines`);
  };
  for (const path of files) {
    const [, kind = ""] = /\.(ts|c|h|md|sh)$/.exec(path) ?? [];
    if (kind === "" && !path.startsWith("deploy/")) continue;
    const text = read(path);
    see(path, text.trimEnd().split("\n").length, MAX_FILE);
    const functions = kind === "ts"
      ? functionSizes(path, text)
      : ["c", "h"].includes(kind)
      ? cFunctionSizes(text)
      : [];
    for (const { name, lines } of functions) see(`${name} in ${path}`, lines, MAX_FUNCTION);
  }
  assert.deepEqual(found.sort(), [...larger.keys()].sort());
});

Deno.test("an import upwards, a ring, a long function would be noticed", () => {
  const upwards = { from: "ffi/libc.ts", to: "cli/device/sectors.ts", typeOnly: false };
  assert.ok(!isAllowed(upwards, rules));
  assert.ok(!isAllowed({ ...upwards, from: "cli/metadata/block.ts" }, rules));
  assert.ok(isAllowed({ ...upwards, from: "cli/commands/remap.ts" }, rules));
  assert.ok(!isAllowed({ ...upwards, to: "tests/suite/output.ts" }, rules));
  const text =
    'import type { A } from "./b.ts";\nexport { c } from "../d/e.ts";\nimport {\n  x,\n}' +
    ' from "./f.ts";\nimport "npm:g";\nimport "./h.ts";\n';
  const found = importsOf("a/a.ts", text);
  assert.deepEqual(found.map(({ to }) => to), ["a/b.ts", "d/e.ts", "a/f.ts", "a/h.ts"]);
  assert.deepEqual(found.map(({ typeOnly }) => typeOnly), [true, false, false, false]);
  const ring = [["a", "b"], ["b", "c"], ["c", "b"]].map(([from = "", to = ""]) => (
    { from, to, typeOnly: false }
  ));
  assert.deepEqual(findRing(ring), ["b", "c", "b"]);
  const body = "\n".repeat(70);
  const ts = `function long() {${body}}\nclass A { b = () => {${body}}; c() {${body}} }\n`;
  const sizes = functionSizes("x.ts", ts).map(({ name, lines }) => `${name} ${lines}`);
  assert.deepEqual(sizes, ["long 71", "b 71", "c 71"]);
  assert.deepEqual(cFunctionSizes(`static int a(int b,\n\tint c)\n{${body}}\n`), [
    { name: "a", lines: 71 },
  ]);
});
