// SPDX-License-Identifier: GPL-2.0-only
//
// A mutant as its file has it: what it breaks, which command shall notice, and the change itself.

/** `Caught-by:` of a mutant that the kernel's own checks notice. */
export const KERNEL_LOG = "kernel log";
/** `Caught-by:` of a mutant that makes something wait for ever. */
export const TIMEOUT = "timeout";

/** So long may a mutant's command take, unless its file gives it a limit of its own. */
const USUAL_LIMIT_SECONDS = 420;

export interface Mutant {
  /** The file's name without its ending; it has the folder in front: `kmod/flush-dropped`. */
  readonly name: string;
  /** `promise 4: ...` or `contract: ...`. */
  readonly breaks: string;
  /** Words of the command. */
  readonly command: readonly string[];
  /** In the name of the test that has to fail; or one of the two words above. */
  readonly caughtBy: string;
  readonly limitSeconds: number;
  /** As `git apply` takes it. */
  readonly diff: string;
  /** The files that it changes. */
  readonly files: readonly string[];
}

/** A mutant's file is not as it has to be. */
export class PatchError extends Error {
  override readonly name = "PatchError";
}

const FIELDS = ["Breaks", "Run", "Caught-by", "Timeout"] as const;
type Field = (typeof FIELDS)[number];

/** @param name of the mutant, for messages and reports */
export function parsePatch(name: string, text: string): Mutant {
  const fail = (why: string): never => {
    throw new PatchError(`${name}: ${why}`);
  };
  const gap = text.indexOf("\n\n");
  if (gap < 0) fail("no empty line between header and diff");
  const fields = headerFields(text.slice(0, gap), fail);
  const field = (key: Field) => fields.get(key) ?? fail(`no "${key}:"`);
  const breaks = field("Breaks");
  if (!/^(promise ([1-9]|10)|contract): \S/.test(breaks)) {
    fail(`"Breaks:" begins with "promise N:" or "contract:", not ${JSON.stringify(breaks)}`);
  }
  const caughtBy = field("Caught-by");
  const diff = text.slice(gap + 2);
  const files = [...diff.matchAll(/^diff --git a\/(\S+) b\/\1$/gm)].map(([, file = ""]) => file);
  if (files.length === 0) fail("no diff that git would take");
  const limit = fields.get("Timeout");
  if (limit === undefined && caughtBy === TIMEOUT) fail('caught by a time-out, but no "Timeout:"');
  if (limit !== undefined && !/^[1-9]\d*$/.test(limit)) fail('"Timeout:" is a number of seconds');
  return {
    name,
    breaks,
    command: words(field("Run")),
    caughtBy,
    limitSeconds: Number(limit ?? USUAL_LIMIT_SECONDS),
    diff,
    files,
  };
}

function headerFields(header: string, fail: (why: string) => never): Map<Field, string> {
  const fields = new Map<Field, string>();
  for (const line of header.split("\n")) {
    const [, key, value = ""] = /^([\w-]+): +(\S.*)$/.exec(line) ?? [];
    const field = FIELDS.find((each) => each === key);
    if (field === undefined) fail(`not a line of a header: ${JSON.stringify(line)}`);
    else if (fields.has(field)) fail(`"${field}:" twice`);
    else fields.set(field, value.trimEnd());
  }
  return fields;
}

/** Words of a command line; quotes hold those together that have spaces. */
export function words(line: string): string[] {
  const parts = line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return parts.map((part) => part.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

/** The mutants below a directory, in the order of their names. */
export async function readMutants(directory: string): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  for (const folder of ["cli", "kmod"]) {
    for await (const { name } of Deno.readDir(`${directory}/${folder}`)) {
      const text = await Deno.readTextFile(`${directory}/${folder}/${name}`);
      if (!name.endsWith(".patch")) throw new PatchError(`${folder}/${name}: not a .patch`);
      mutants.push(parsePatch(`${folder}/${name.slice(0, -".patch".length)}`, text));
    }
  }
  return mutants.sort((a, b) => a.name < b.name ? -1 : 1);
}
