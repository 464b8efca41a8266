// SPDX-License-Identifier: GPL-2.0-only
// Overlapping claims to a line of sectors, and who wins each of them: the one of the highest rank.

/** Somebody says something of the sectors from `start` to before `end`. */
export interface Claim<T> {
  readonly start: number;
  readonly end: number;
  /** Of two claims the higher counts; no two that overlap have the same. */
  readonly rank: number;
  readonly of: T;
}

/** A part of a claim, or all of it. */
export interface Piece<T> {
  readonly start: number;
  readonly end: number;
  readonly claim: Claim<T>;
}

/** The parts that win, in order; neighbouring parts of one claim are one. Sorts the claims. */
export function* paint<T>(claims: Claim<T>[]): Generator<Piece<T>> {
  claims.sort((a, b) => a.start - b.start);
  const active = new Heap<T>();
  let open: { start: number; end: number; claim: Claim<T> } | undefined;
  let at = 0;
  for (let next = 0; next < claims.length || active.top !== undefined;) {
    if (active.top === undefined) at = claims[next]!.start;
    while (next < claims.length && claims[next]!.start <= at) active.push(claims[next++]!);
    while (active.top !== undefined && active.top.end <= at) active.pop();
    const { top } = active;
    if (top === undefined) continue;
    const end = Math.min(top.end, claims[next]?.start ?? Infinity);
    if (open?.claim === top && open.end === at) open.end = end;
    else {
      if (open !== undefined) yield open;
      open = { start: at, end, claim: top };
    }
    at = end;
  }
  if (open !== undefined) yield open;
}

/** The highest rank first. */
class Heap<T> {
  readonly #claims: Claim<T>[] = [];

  get top(): Claim<T> | undefined {
    return this.#claims[0];
  }

  push(claim: Claim<T>): void {
    const claims = this.#claims;
    let at = claims.length;
    claims.push(claim);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (claims[parent]!.rank >= claim.rank) break;
      claims[at] = claims[parent]!;
      at = parent;
    }
    claims[at] = claim;
  }

  pop(): void {
    const claims = this.#claims;
    const moved = claims.pop();
    if (moved === undefined || claims.length === 0) return;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= claims.length) break;
      if (child + 1 < claims.length && claims[child + 1]!.rank > claims[child]!.rank) child++;
      if (claims[child]!.rank <= moved.rank) break;
      claims[at] = claims[child]!;
      at = child;
    }
    claims[at] = moved;
  }
}
