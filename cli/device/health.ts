// SPDX-License-Identifier: GPL-2.0-only
// The reply to the message `health`: a state, a score, and the reasons.
import { ProtocolError } from "./errors.ts";
import { type HealthState, parseHealthState } from "./status_line.ts";

/** Why a device is not `good`. The words are those of docs/health.md. */
export interface HealthReason {
  /** `lost`, `slots_left`, ... */
  readonly word: string;
  /** How many, or how many percent; a word without a number says all. */
  readonly value?: bigint;
  readonly percent?: true;
}

/** What the target makes of its counters. */
export interface HealthReport {
  readonly health: HealthState;
  /** 100 is best. */
  readonly score: number;
  /** The reasons as the target wrote them; `none` if there are none. */
  readonly reason: string;
  readonly reasons: readonly HealthReason[];
}

const NONE = "none";

/**
 * Reads `health=<state> score=<0-100> reason=<word>[,<word>...]`.
 * @throws {ProtocolError}
 */
export function parseHealth(reply: string): HealthReport {
  const match = /^health=(\S+) score=(\d{1,3})(?: reason=(.*))?$/s.exec(reply.trim());
  if (match === null || Number(match[2]) > 100) {
    throw new ProtocolError(`unreadable health "${reply}"`);
  }
  const reason = match[3] ?? "";
  return {
    health: parseHealthState(match[1]!),
    score: Number(match[2]),
    reason,
    reasons: parseReasons(reason),
  };
}

/** Gives back what {@linkcode parseHealth} read. */
export function formatHealth({ health, score, reasons }: Omit<HealthReport, "reason">): string {
  return `health=${health} score=${score} reason=${formatReasons(reasons)}`;
}

/** Reads `lost:3,slots_left:4%`; what it does not know stays a word. */
export function parseReasons(text: string): HealthReason[] {
  if (text === NONE) return [];
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "").map((part) => {
    const match = /^([^:]+):(0|[1-9]\d*)(%?)$/.exec(part);
    if (match === null) return { word: part };
    const reason = { word: match[1]!, value: BigInt(match[2]!) };
    return match[3] === "%" ? { ...reason, percent: true } : reason;
  });
}

/** Gives back what {@linkcode parseReasons} read. */
export function formatReasons(reasons: readonly HealthReason[]): string {
  if (reasons.length === 0) return NONE;
  return reasons.map(({ word, value, percent }) =>
    value === undefined ? word : `${word}:${value}${percent ? "%" : ""}`
  ).join(",");
}
