// SPDX-License-Identifier: GPL-2.0-only

// deno-lint-ignore no-control-regex
const CONTROL = /\x1b\[[0-9;?]*[A-Za-z]|\r/g;

/** How the suites say that a test has failed, each with the test's name. */
const SAID: readonly RegExp[] = [
  // `deno test`, here and in guests: a test or a step.
  /^\s*(\S.*?) \.\.\. FAILED\b/,
  // The selftest, while it runs: `functional: FAILED relocated: reads come from the spare: EIO`.
  /^([\w-]+: FAILED .+)$/,
  // The model, the races, the sweep and the crash states: `[12 s] FAILED plain: promise 1...`.
  /^\[\d+ s\] FAILED (.+)$/,
  // The documents and the boots.
  /^FAIL +(\S.*)$/,
];

/** What a guest's own failure begins with where the kernel's log has a complaint. */
const COMPLAINT =
  /(?:the kernel complained: |the guest's kernel complained(?: \(and \d+ more\))?:\s*)(.*)/;

/**
 * The names of the tests that have failed, as far as a program has told: its output need not be
 * whole. Complaints in a kernel's log are `kernel log: ...`.
 */
export function failedTests(output: string): string[] {
  const lines = output.replaceAll(CONTROL, "").split("\n");
  const names = lines.flatMap((line, at) => {
    const complaint = COMPLAINT.exec(line);
    if (complaint !== null) return [`kernel log: ${complaint[1] || (lines[at + 1] ?? "")}`.trim()];
    return SAID.flatMap((said) => said.exec(line)?.[1]?.trim() ?? []).slice(0, 1);
  });
  return [...new Set(names)];
}
