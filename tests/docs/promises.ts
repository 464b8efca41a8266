// SPDX-License-Identifier: GPL-2.0-only
// The promises of the target, and the tests that hold them: as docs/promises.md lists them, and as
// the tests call themselves.
import { join } from "node:path";

/** One line of the list: a case of a stage, or a part of the tree. */
export interface Holder {
  /** `selftest errors`, `tests/model`. */
  readonly where: string;
  /** Of a stage: the case's name, as the stage prints it. */
  readonly case?: string;
}

export interface PromiseEntry {
  readonly number: number;
  readonly text: string;
  readonly holders: readonly Holder[];
}

const HEADING = /^## Promise (\d+)$/;
const HOLDER = /^- `([^`]+)`(?:: (.+))?$/;

/** Reads the sections `## Promise N`: a text, then the list of what holds it. */
export function listedPromises(document: string): PromiseEntry[] {
  const sections = document.split(/^(?=## )/m);
  return sections.flatMap((section) => {
    const [heading = "", ...lines] = section.split("\n");
    const number = HEADING.exec(heading)?.[1];
    if (number === undefined) return [];
    const at = lines.findIndex((line) => line.startsWith("- "));
    const text = lines.slice(0, at < 0 ? undefined : at).join(" ").trim();
    // A line that is indented goes on with the one before it.
    const items = lines.slice(Math.max(at, 0)).join("\n").replaceAll(/\n {2,}/g, " ").split("\n");
    const holders = items.flatMap((line) => {
      const [, where, name] = HOLDER.exec(line) ?? [];
      if (where === undefined) return [];
      return [{ where, ...name === undefined ? {} : { case: name } }];
    });
    return [{ number: Number(number), text, holders }];
  });
}

const CASE = /name:\s*"promise (\d+): ([^"]+)"/g;

/** The stage that a file in cli/selftest belongs to. */
function stageOf(path: string): string {
  const match = /(?:stages\/)?([a-z]+)[^/]*(?:\/|\.ts$)/.exec(path);
  return match?.[1] ?? "";
}

/** Every case of the stages that is named after a promise: its number, its stage, its name. */
export function namedCases(root: string): (Holder & { readonly number: number })[] {
  const folder = join(root, "cli", "selftest");
  return [...sources(folder, "")].sort().flatMap((path) => {
    const text = Deno.readTextFileSync(join(folder, path));
    return [...text.matchAll(CASE)].map(([, number, name = ""]) => ({
      number: Number(number),
      where: `selftest ${stageOf(path)}`,
      case: name,
    }));
  });
}

function* sources(root: string, folder: string): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(root, folder))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) yield* sources(root, path);
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield path;
  }
}

/** The list as it has to be: what is named in the tree, behind what the document says already. */
function updated(document: string, root: string): string {
  const named = namedCases(root);
  return document.split(/^(?=## )/m).map((section) => {
    const number = Number(HEADING.exec(section.split("\n")[0] ?? "")?.[1]);
    if (!number) return section;
    const [entry] = listedPromises(section);
    const kept = entry?.holders.filter((holder) => holder.case === undefined) ?? [];
    const cases = named.filter((each) => each.number === number);
    const lines = [...kept, ...cases].map(({ where, case: name }) =>
      `- \`${where}\`${name === undefined ? "" : `: ${name}`}`
    );
    return `## Promise ${number}\n\n${entry?.text}\n\n${lines.join("\n")}\n\n`;
  }).join("");
}

/** `deno run -A tests/docs/promises.ts` brings the list up to date. */
if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..", "..");
  const path = join(root, "docs", "promises.md");
  Deno.writeTextFileSync(path, updated(Deno.readTextFileSync(path), root));
}
