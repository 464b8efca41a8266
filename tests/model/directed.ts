// SPDX-License-Identifier: GPL-2.0-only
//
// The sequence that every variant begins with. Whether random ones meet a certain thing is a matter
// of luck, and of what the guest does when; this one makes each of them happen for certain.
import type { FaultKind } from "./faults.ts";
import type { Geometry } from "./model.ts";
import type { Operation, Sequence } from "./operations.ts";
import type { Range } from "../suite/guest/range.ts";

/** Blocks of the target, apart from each other. */
const UNREADABLE = 3;
const UNWRITABLE = 20;
const HARD_TO_READ = 40;

/** What {@linkcode Tally.missing} wants to see under the geometry's rules. */
function directedOperations({ unit, rules, twoSpares }: Geometry): Operation[] {
  const block = (number: number): Range => ({ first: number * unit, count: unit });
  const known = (kind: FaultKind): FaultKind => rules.faults.includes(kind) ? kind : "both";
  const fault = (kind: FaultKind, range: Range) =>
    ({ op: "fault", side: "main", kind, range }) as const;
  const ahead: Operation[] = [
    fault("flaky", block(HARD_TO_READ)),
    // Alone: the second failure is then that of the block itself.
    { op: "read", range: block(HARD_TO_READ) },
  ];
  return [
    { op: "write", range: block(UNREADABLE) },
    fault(known("read"), block(UNREADABLE)),
    { op: "read", range: block(UNREADABLE) },
    { op: "heal", side: "main" },
    { op: "read", range: block(UNREADABLE) },
    fault(known("write"), block(UNWRITABLE)),
    { op: "write", range: block(UNWRITABLE) },
    { op: "read", range: block(UNWRITABLE) },
    { op: "heal", side: "main" },
    ...(rules.proactive === true ? ahead : []),
    ...(twoSpares === true ? [{ op: "migrate" } as const] : []),
    { op: "check" },
  ];
}

export function directedSequence(variant: string, geometry: Geometry, seed: number): Sequence {
  return { variant, seed, operations: directedOperations(geometry) };
}
