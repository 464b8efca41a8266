// SPDX-License-Identifier: GPL-2.0-only

/** What a kernel writes into its log when something is wrong with it, not with a test. */
const COMPLAINTS: readonly RegExp[] = [
  /\bBUG: /,
  /\bBUG at\b/,
  /\bWARNING: /,
  /\bKASAN: /,
  /\bUBSAN: /,
  /possible circular locking/,
  /possible recursive locking/,
  /inconsistent lock state/,
  /possible irq lock inversion/,
  /suspicious RCU usage/,
  /held lock freed/,
  /still held when returning/,
  /\bINFO: task\b/,
  /\brcu: INFO/,
  /soft lockup/,
  /hard LOCKUP/,
  /\bOops\b/,
  /general protection/,
  /Unable to handle kernel/,
  /kernel NULL pointer dereference/,
  /Kernel panic/,
  /unreferenced object/,
  /kmemleak: (?!Kernel memory leak detector|Automatic memory scanning)/,
  /ODEBUG: /,
  /sleeping function called from invalid context/,
  /scheduling while atomic/,
  /refcount_t: /,
  /Call Trace/,
];

/** Fault injection prints where it struck: the trace that follows is what was asked for. */
const INJECTED = /FAULT_INJECTION: /;
const TRACE = /Call Trace/;

const CONTEXT_LINES = 30;

/**
 * The complaints in a kernel log, each with the lines that follow it. One complaint swallows the
 * matches in the lines that belong to it, so the number of results is about the number of problems.
 */
export function findComplaints(log: string): string[] {
  const lines = log.split("\n");
  const found: string[] = [];
  let injected = false;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (INJECTED.test(line)) injected = true;
    if (!COMPLAINTS.some((pattern) => pattern.test(line))) continue;
    if (injected && TRACE.test(line)) {
      injected = false;
      continue;
    }
    const end = endOfReport(lines, index);
    found.push(lines.slice(index, end).join("\n"));
    index = end - 1;
  }
  return found;
}

/** A report ends with the kernel's own end mark, or after some lines. */
function endOfReport(lines: readonly string[], start: number): number {
  const limit = Math.min(lines.length, start + CONTEXT_LINES);
  for (let index = start; index < limit; index++) {
    if (/---\[ end trace|<\/TASK>/.test(lines[index] ?? "")) return index + 1;
    if (index > start && /unreferenced object/.test(lines[index] ?? "")) return index;
  }
  return limit;
}
