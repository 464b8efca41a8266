// SPDX-License-Identifier: GPL-2.0-only
// The tree as docs/architecture.md has it, and as it is.
import { dirname, join, normalize } from "node:path";

/** Rows of the table with these words in its head, without backquotes. */
export function tableRows(document: string, ...head: readonly string[]): string[][] {
  const lines = document.split("\n");
  const at = lines.findIndex((line) => cells(line).join() === head.join());
  if (at < 0) throw new Error(`there is no table of ${head.join(" and ")}`);
  const rows = lines.slice(at + 2);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end < 0 ? undefined : end).map(cells);
}

function cells(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.replaceAll("`", "").trim());
}

/** Which folders each folder imports from. */
export function importRules(document: string): Map<string, ReadonlySet<string>> {
  const rules = new Map<string, ReadonlySet<string>>();
  for (const [folder = "", list = ""] of tableRows(document, "folder", "imports from")) {
    const names = list === "all above" ? [...rules.keys()] : list.split(", ").filter(Boolean);
    rules.set(folder, new Set(names));
  }
  return rules;
}

/** What one file imports from another one of this repository. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** There is nothing left of it when the program runs. */
  readonly typeOnly: boolean;
}

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"(\.[^"]+)"/gm;

/** All imports of a source file, by paths from the root. */
export function importsOf(path: string, text: string): Import[] {
  return [...text.matchAll(IMPORT)].map(([, type, to = ""]) => ({
    from: path,
    to: normalize(join(dirname(path), to)),
    typeOnly: type !== undefined,
  }));
}

/** The folder that the rules have for a path. */
export function folderOf(path: string): string {
  const [top = "", second = ""] = path.split("/");
  return top === "cli" && path.split("/").length > 2 ? `cli/${second}` : top;
}

/** Files that lie below all folders. */
function isBelowAll(path: string): boolean {
  return path.endsWith("/errors.ts") || path === "cli/version.ts";
}

/** Whether the rules have room for it. */
export function isAllowed(
  { from, to }: Import,
  rules: ReadonlyMap<string, ReadonlySet<string>>,
): boolean {
  const [own, other] = [folderOf(from), folderOf(to)];
  if (from === "cli/version.ts") return other === "cli/embed";
  if (from.startsWith("cli/") && from.endsWith("/errors.ts")) {
    return other === "ffi" || to.endsWith("/errors.ts");
  }
  if (own === other || isBelowAll(to) && other !== "tests") return true;
  // The program itself, which puts everything together.
  if (own === "cli") return other !== "tests";
  if (own === "tests" && other === "cli") return true;
  return rules.get(own)?.has(other) ?? false;
}

/** Tests, and what nobody but them imports. */
export function testsAmong(imports: readonly Import[]): Set<string> {
  const tests = new Set(
    imports.flatMap(({ from, to }) => [from, to]).filter((path) => path.endsWith("_test.ts")),
  );
  const users = Map.groupBy(imports, ({ to }) => to);
  for (let known = -1; known < tests.size;) {
    known = tests.size;
    for (const [path, uses] of users) {
      if (uses.every(({ from }) => tests.has(from))) tests.add(path);
    }
  }
  return tests;
}

/** A ring of files that import each other when the program runs, if there is one. */
export function findRing(imports: readonly Import[]): string[] | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) {
    if (!typeOnly) next.set(from, [...next.get(from) ?? [], to]);
  }
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const to of next.get(path) ?? []) {
      const ring = walk(to, [...way, path]);
      if (ring !== undefined) return ring;
    }
    done.add(path);
    return undefined;
  };
  for (const path of next.keys()) {
    const ring = walk(path, []);
    if (ring !== undefined) return ring;
  }
  return undefined;
}

/** A function and how many lines it has. */
export interface Size {
  readonly name: string;
  readonly lines: number;
}

/** The functions of a TypeScript file. Only in `deno test`, whose parser it takes. */
export function functionSizes(path: string, text: string): Size[] {
  const sizes: Size[] = [];
  const measure = (
    node:
      | Deno.lint.FunctionDeclaration
      | Deno.lint.ArrowFunctionExpression
      | Deno.lint.FunctionExpression,
  ) => {
    const [start, end] = node.range;
    const owner = "id" in node && node.id ? node.id : node.parent;
    const name = /[\w$#]+/.exec(text.slice(owner.range[0]))?.[0] ?? "";
    sizes.push({ name, lines: text.slice(start, end).split("\n").length });
  };
  const rule = {
    create: () => ({
      FunctionDeclaration: measure,
      FunctionExpression: measure,
      ArrowFunctionExpression: measure,
    }),
  };
  Deno.lint.runPlugin({ name: "sizes", rules: { sizes: rule } }, path, text);
  return sizes;
}

/** The functions of a C file in the kernel's style: their braces stand at the begin of a line. */
export function cFunctionSizes(text: string): Size[] {
  const sizes: Size[] = [];
  const lines = text.split("\n");
  let start = -1;
  for (const [at, line] of lines.entries()) {
    if (line === "{") start = at;
    if (!line.startsWith("}") || start < 0) continue;
    const head = lines.slice(Math.max(0, start - 4), start).join("\n");
    const name = [...head.matchAll(/(\w+)\(/g)].at(-1)?.[1] ?? "";
    sizes.push({ name, lines: at - start + 1 });
    start = -1;
  }
  return sizes;
}
