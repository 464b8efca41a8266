// SPDX-License-Identifier: GPL-2.0-only
//
// What is done to the files of a file system before a crash, and what has to be there after it.
// Guest and host work it out alike.
import { Random } from "../../../cli/selftest/random.ts";

export const BLOCK_BYTES = 4096;
export const WORKERS = 3;
const FILES = 4;
const LARGEST = 12;
const MAGIC = 0x72656d70;
const WORDS = BLOCK_BYTES / 4;

/** Each ends with an fsync, and from then on its blocks are promised. */
export interface FileOperation {
  /** Unique in the plan, and larger than those of the file before it. */
  readonly op: number;
  /** `replace` writes another file and renames it. */
  readonly kind: "create" | "rewrite" | "append" | "replace";
  readonly file: string;
  /** Blocks that are written. */
  readonly blocks: readonly number[];
  /** Blocks of the file afterwards. */
  readonly total: number;
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** The operations of one worker, which has files of its own. */
export function planFor(seed: number, worker: number, count: number): FileOperation[] {
  const random = new Random(seed * WORKERS + worker);
  const totals = new Map<string, number>();
  return range(0, count).map((turn): FileOperation => {
    const file = `w${worker}-${random.below(FILES)}`;
    const before = totals.get(file);
    const base = { op: 1 + turn * WORKERS + worker, file };
    const size = random.between(1, LARGEST);
    if (before === undefined) {
      totals.set(file, size);
      return { ...base, kind: "create", blocks: range(0, size), total: size };
    }
    const kind = random.pick(["rewrite", "append", "replace"] as const);
    if (kind === "append") {
      totals.set(file, before + size);
      return { ...base, kind, blocks: range(before, size), total: before + size };
    }
    const blocks = range(0, before).filter(() => kind === "replace" || random.below(2) === 0);
    return { ...base, kind, blocks: blocks.length > 0 ? blocks : [0], total: before };
  });
}

export function wholePlan(seed: number, count: number): FileOperation[] {
  return range(0, WORKERS).flatMap((worker) => planFor(seed, worker, count));
}

/** What an operation writes to a block: no two are alike. */
export function contentOf(op: number, block: number): Uint8Array<ArrayBuffer> {
  const random = new Random(op * 4099 + block);
  const words = Uint32Array.from({ length: WORDS }, () => random.next());
  words.set([MAGIC, op, block]);
  return new Uint8Array(words.buffer);
}

/** Of a file after a crash. */
export interface Expected {
  readonly file: string;
  /** Blocks that it has at least. */
  readonly blocks: number;
  /** For each promised block, the operations that it may be from. */
  readonly allowed: readonly (readonly [block: number, ops: readonly number[]])[];
}

/** The promises at a moment: what had begun, and what had ended. */
export function promisesAt(
  plan: readonly FileOperation[],
  begun: ReadonlySet<number>,
  ended: ReadonlySet<number>,
): Expected[] {
  const files = [...new Set(plan.filter(({ op }) => ended.has(op)).map(({ file }) => file))];
  return files.sort().map((file) => {
    const own = plan.filter((each) => each.file === file && begun.has(each.op));
    const kept = own.filter(({ op }) => ended.has(op));
    const blocks = kept.at(-1)!.total;
    const allowed = range(0, blocks).map((block) => {
      const touching = own.filter((each) => each.blocks.includes(block)).map(({ op }) => op);
      const floor = touching.findLast((op) => ended.has(op))!;
      return [block, touching.filter((op) => op >= floor)] as const;
    });
    return { file, blocks, allowed };
  });
}

/** What is wrong with a file; nothing if all is there. */
export function fileProblem(
  { file, blocks, allowed }: Expected,
  bytes: Uint8Array | undefined,
): string | undefined {
  if (bytes === undefined) return `${file} is not there`;
  if (bytes.length < blocks * BLOCK_BYTES) {
    return `${file} has ${bytes.length} bytes, not ${blocks} blocks`;
  }
  for (const [block, ops] of allowed) {
    const seen = bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
    const is = (op: number) => contentOf(op, block).every((byte, at) => byte === seen[at]);
    if (ops.some(is)) continue;
    const [magic, op] = new Uint32Array(seen.slice(0, 8).buffer);
    const what = magic === MAGIC ? `what operation ${op} wrote` : "nothing that was written";
    return `${file}, block ${block}: ${what}, not of ${ops.join(" or ")}`;
  }
  return undefined;
}
