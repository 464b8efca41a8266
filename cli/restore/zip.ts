// SPDX-License-Identifier: GPL-2.0-only
import type { Span } from "./types.ts";

/** A part of the target in which neither list begins or ends a run. */
export interface Zipped<A, B> extends Span {
  readonly a: A | undefined;
  readonly b: B | undefined;
}

/**
 * Walks along two lists of runs at once; what neither has is left out. Both ascend and do not
 * overlap.
 */
export function* zip<A extends Span, B extends Span>(
  left: Iterable<A>,
  right: Iterable<B>,
): Generator<Zipped<A, B>> {
  const [as, bs] = [left[Symbol.iterator](), right[Symbol.iterator]()];
  let [a, b] = [nextOf(as), nextOf(bs)];
  let at = 0;
  while (a !== undefined || b !== undefined) {
    at = Math.max(at, Math.min(a?.first ?? Infinity, b?.first ?? Infinity));
    const inA = a !== undefined && a.first <= at;
    const inB = b !== undefined && b.first <= at;
    const end = Math.min(edge(a, at), edge(b, at));
    yield { first: at, length: end - at, a: inA ? a : undefined, b: inB ? b : undefined };
    at = end;
    if (a !== undefined && a.first + a.length <= at) a = nextOf(as);
    if (b !== undefined && b.first + b.length <= at) b = nextOf(bs);
  }
}

function nextOf<T>(iterator: Iterator<T>): T | undefined {
  const next = iterator.next();
  return next.done === true ? undefined : next.value;
}

/** Where the next run begins, or this one ends. */
function edge(span: Span | undefined, at: number): number {
  if (span === undefined) return Infinity;
  return span.first > at ? span.first : span.first + span.length;
}
