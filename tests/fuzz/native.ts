// SPDX-License-Identifier: GPL-2.0-only
//
// The C side: compiling it, and its loader as a library.
import { join } from "node:path";
import { EXTENT_STATES } from "../../cli/metadata/extent.ts";
import type { Extent } from "../../cli/metadata/extent.ts";
import { canonical } from "./images/table.ts";

const here = import.meta.dirname ?? ".";
const kmod = join(here, "../../kmod");
const LOADER = ["loader.c", "extents.c", "quick_crc.c"];

/** What {@linkcode compileFuzzer} takes, besides what builds a module. */
export const FUZZER_PACKAGES = ["clang-14", "libclang-rt-14-dev"] as const;

async function compile(sources: string, compiler: string, ...args: readonly string[]) {
  const { success, stderr } = await new Deno.Command(compiler, {
    args: ["-g", "-Wall", "-Wextra", `-I${kmod}`, ...args],
    cwd: sources,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`${compiler}:\n${new TextDecoder().decode(stderr)}`);
}

/** The libFuzzer program, with the sanitizers. */
export async function compileFuzzer(program: string): Promise<void> {
  const sanitizers = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"];
  await compile(
    join(here, "native"),
    "clang-14",
    "-Werror",
    "-O1",
    ...sanitizers,
    "fuzz.c",
    "mutate.c",
    ...LOADER,
    "-o",
    program,
  );
}

/** A change to one of the sources: the place has to be there once. */
export type Mistake = readonly [from: string, to: string];

async function copySources(dir: string, mistake?: Mistake): Promise<void> {
  let found = mistake === undefined ? 1 : 0;
  for (const { name } of Deno.readDirSync(join(here, "native"))) {
    const text = await Deno.readTextFile(join(here, "native", name));
    const parts = mistake === undefined ? [text] : text.split(mistake[0]);
    found += parts.length - 1;
    await Deno.writeTextFile(`${dir}/${name}`, parts.join(mistake?.[1]));
  }
  if (found !== 1) throw new Error(`there ${found} times: ${mistake?.[0]}`);
}

/** What a loader says of an image. */
export type Verdict =
  | { readonly refused: string }
  | {
    readonly refused?: undefined;
    readonly copy: string;
    readonly generation: number;
    readonly transactions: number;
    readonly journalUsed: number;
    readonly dropped: number;
    /** As {@linkcode canonical} writes it. */
    readonly table: string;
  };

const SYMBOLS = {
  fuzz_load: { parameters: ["buffer", "usize", "buffer", "usize"], result: "usize" },
} as const;

/** The loader in C. */
export class NativeLoader implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  #out = new Uint8Array(65536);

  private constructor(path: string) {
    this.#library = Deno.dlopen(path, SYMBOLS);
  }

  /** @param mistake to be put in, so that it can be looked for */
  static async build(mistake?: Mistake): Promise<NativeLoader> {
    const dir = await Deno.makeTempDir({ prefix: "dmremap-fuzz-" });
    try {
      await copySources(dir, mistake);
      const path = `${dir}/loader.so`;
      await compile(dir, "cc", "-O2", "-shared", "-fPIC", "library.c", ...LOADER, "-o", path);
      return new NativeLoader(path);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  }

  load(image: Uint8Array<ArrayBuffer>): Verdict {
    const { fuzz_load: load } = this.#library.symbols;
    let length = Number(load(image, BigInt(image.length), this.#out, BigInt(this.#out.length)));
    if (length >= this.#out.length) {
      this.#out = new Uint8Array(2 * length);
      length = Number(load(image, BigInt(image.length), this.#out, BigInt(this.#out.length)));
    }
    return parseVerdict(new TextDecoder().decode(this.#out.subarray(0, length)));
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}

function parseVerdict(text: string): Verdict {
  if (text.startsWith("refused ")) return { refused: text.slice("refused ".length) };
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const [copy = "", generation, transactions, journalUsed, dropped] = head.split(" ");
  return {
    copy,
    generation: Number(generation),
    transactions: Number(transactions),
    journalUsed: Number(journalUsed),
    dropped: Number(dropped),
    table: canonical(lines.map(parseExtent)),
  };
}

function parseExtent(line: string): Extent {
  const [first = NaN, length = NaN, state = NaN, slot = NaN] = line.split(" ").map(Number);
  return { first, length, slot, state: EXTENT_STATES[state] ?? "main" };
}
