// SPDX-License-Identifier: GPL-2.0-only

/** What can be measured apart; `million` takes most of the time. */
export const PARTS = ["io", "scan", "million", "metadata", "start"] as const;
export type Part = typeof PARTS[number];

export interface BenchOptions {
  readonly kernel: string;
  /** A module to measure instead of one built from kmod/. */
  readonly module?: string;
  readonly parts: readonly Part[];
  /** JSON on stdout instead of the table. */
  readonly json: boolean;
  /** JSON into a file, besides. */
  readonly jsonFile?: string;
  readonly help: boolean;
}

export const USAGE = `deno task bench [--kernel 6.1|6.12|IMAGE] [--module FILE]
                [--part io|scan|million|metadata|start]... [--json [FILE]]

Counts the instructions of 4 KiB I/O, of a scan and of an activation in a guest whose clock counts
instructions, the kernel memory of an entry, what a commit writes, and the time that the packed file
takes to start. A figure over its budget is said to be so and fails nothing; only a measurement that
could not be made does.

  --kernel K     the guest's kernel (6.1)
  --module FILE  measure this module instead of one built from kmod/
  --part P       only this part; may be given several times
  --json [FILE]  JSON on stdout instead of the table, or into a file besides it
`;

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line; `--json` takes the next word unless that is another option. */
export function parseOptions(args: readonly string[]): BenchOptions {
  let kernel = "6.1";
  let module: string | undefined;
  let json = false;
  let help = false;
  let jsonFile: string | undefined;
  const parts: Part[] = [];
  const words = args.flatMap((arg) => {
    const [, name, value] = /^(--[a-z]+)=(.*)$/s.exec(arg) ?? [];
    return name === undefined || value === undefined ? [arg] : [name, value];
  });
  const valueOf = (option: string): string => {
    const value = words.shift();
    if (value === undefined || value.startsWith("--")) {
      throw new UsageError(`${option} needs a value`);
    }
    return value;
  };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--kernel") kernel = valueOf(word);
    else if (word === "--module") module = valueOf(word);
    else if (word === "--part") parts.push(partNamed(valueOf(word)));
    else if (word === "--help" || word === "-h") help = true;
    else if (word === "--json" && words[0] !== undefined && !words[0].startsWith("--")) {
      jsonFile = words.shift();
    } else if (word === "--json") json = true;
    else throw new UsageError(`unknown argument: ${word}`);
  }
  return {
    kernel,
    json,
    help,
    parts: parts.length > 0 ? PARTS.filter((part) => parts.includes(part)) : PARTS,
    ...(module === undefined ? {} : { module }),
    ...(jsonFile === undefined ? {} : { jsonFile }),
  };
}

function partNamed(name: string): Part {
  const part = PARTS.find((each) => each === name);
  if (part === undefined) {
    throw new UsageError(`no such part: ${name} (there are: ${PARTS.join(", ")})`);
  }
  return part;
}
