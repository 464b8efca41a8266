// SPDX-License-Identifier: GPL-2.0-only
// What a run of the stages tells about itself while it goes on. In a guest each event is a line of
// JSON on its way to the host, so all of it is plain data.

/** How a case or a stage ended. */
export type Outcome = "passed" | "failed" | "skipped";

/** Something that was measured; it is shown and never judged. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

export type SelftestEvent =
  | {
    readonly event: "run";
    /** `uname -r` of the kernel that the stages run on. */
    readonly release: string;
    readonly seed: number;
    readonly stages: readonly string[];
  }
  | { readonly event: "stage"; readonly stage: string }
  | { readonly event: "case"; readonly stage: string; readonly step: string; readonly name: string }
  | {
    readonly event: "case-end";
    readonly stage: string;
    readonly step: string;
    readonly name: string;
    readonly outcome: Outcome;
    readonly ms: number;
    /** Why it failed or was skipped. */
    readonly detail?: string;
  }
  | ({ readonly event: "figure"; readonly stage: string } & Figure)
  | {
    readonly event: "stage-end";
    readonly stage: string;
    readonly outcome: Outcome;
    readonly ms: number;
    readonly detail?: string;
  }
  /** The kernel complained in its log. */
  | { readonly event: "complaint"; readonly text: string }
  /** Everything that was to run has run; without this a run was cut off. */
  | { readonly event: "end" };

export type Emit = (event: SelftestEvent) => void;

type Kind = "string" | "number" | "strings" | "outcome";

/** The fields that each event must have. */
const FIELDS: Readonly<Record<SelftestEvent["event"], Readonly<Record<string, Kind>>>> = {
  "run": { release: "string", seed: "number", stages: "strings" },
  "stage": { stage: "string" },
  "case": { stage: "string", step: "string", name: "string" },
  "case-end": { stage: "string", step: "string", name: "string", outcome: "outcome", ms: "number" },
  "figure": { stage: "string", name: "string", value: "number", unit: "string" },
  "stage-end": { stage: "string", outcome: "outcome", ms: "number" },
  "complaint": { text: "string" },
  "end": {},
};

const OUTCOMES: readonly unknown[] = ["passed", "failed", "skipped"] satisfies Outcome[];

/** An event from what came over the channel; undefined for anything else. */
export function readEvent(value: unknown): SelftestEvent | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map(Object.entries(value));
  const name = fields.get("event");
  if (typeof name !== "string" || !isEventName(name)) return undefined;
  const fits = Object.entries(FIELDS[name]).every(([key, kind]) => hasKind(fields.get(key), kind));
  return fits ? value as SelftestEvent : undefined;
}

function isEventName(name: string): name is SelftestEvent["event"] {
  return Object.hasOwn(FIELDS, name);
}

function hasKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "strings":
      return Array.isArray(value) && value.every((each) => typeof each === "string");
    case "outcome":
      return OUTCOMES.includes(value);
  }
}
