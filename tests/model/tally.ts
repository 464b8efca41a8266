// SPDX-License-Identifier: GPL-2.0-only
//
// What has happened to sectors in all sequences together: a run in which nothing went bad shows
// nothing.
import type { Rules } from "./model.ts";

const EVENTS = [
  "relocated",
  "changed slots",
  "moved ahead",
  "pending",
  "recovered",
  "unreadable slots",
  "refused writes",
] as const;
export type TallyEvent = (typeof EVENTS)[number];

export class Tally {
  readonly #counts = new Map<TallyEvent, number>();

  add(event: TallyEvent, count = 1): void {
    this.#counts.set(event, this.of(event) + count);
  }

  of(event: TallyEvent): number {
    return this.#counts.get(event) ?? 0;
  }

  addAll(other: Tally): void {
    for (const event of EVENTS) if (other.of(event) > 0) this.add(event, other.of(event));
  }

  toString(): string {
    return EVENTS.filter((event) => this.of(event) > 0)
      .map((event) => `${this.of(event)} ${event}`).join(", ");
  }

  /** What should have happened under these rules, and has not. */
  missing(rules: Rules): readonly TallyEvent[] {
    const active: TallyEvent[] = rules.passive === true ? [] : ["relocated"];
    const ahead: TallyEvent[] = rules.proactive === true ? ["moved ahead"] : [];
    const wanted: TallyEvent[] = ["pending", "recovered", ...active, ...ahead];
    return wanted.filter((event) => this.of(event) === 0);
  }
}
