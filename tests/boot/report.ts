// SPDX-License-Identifier: GPL-2.0-only
// What a machine says of itself after it has booted, held against what it should.
import type { PreparedSet } from "./scribble.ts";

/** What guest/report.sh writes. */
export interface Report {
  readonly boot: number;
  readonly root: string;
  readonly data: string;
  readonly root_sums: string;
  readonly data_sums: string;
  readonly root_remapped: number;
  readonly data_remapped: number;
  readonly root_before: string;
  readonly data_before: string;
  readonly root_after: string;
  readonly data_after: string;
  /** Of the unit that activates devices. */
  readonly unit: string;
  /** Where the UUID of the data file system leads, and the device itself. */
  readonly by_uuid: string;
  readonly mapper: string;
  /** Of the data device. */
  readonly table: string;
  /** Units that failed. */
  readonly failed: string;
}

export interface Expected {
  readonly boot: number;
  readonly prepared: ReadonlyMap<string, PreparedSet>;
  /** Of the boot before this one. */
  readonly before?: Report;
}

export function asReport(value: unknown): Report | undefined {
  return typeof value === "object" && value !== null && "boot" in value
    ? value as Report
    : undefined;
}

/** Everything that is not as it should be. */
export function bootProblems(report: Report | undefined, expected: Expected): string[] {
  if (report === undefined) return ["the machine did not come up"];
  const wanted: [keyof Report, unknown][] = [
    ["boot", expected.boot],
    ["root", "/dev/mapper/root"],
    ["data", "/dev/mapper/data"],
    ["root_sums", "good"],
    ["data_sums", "good"],
    ["unit", "active"],
    ["by_uuid", report.mapper],
    ["failed", ""],
  ];
  const { before } = expected;
  if (before !== undefined) {
    wanted.push(["root_before", before.root_after], ["data_before", before.data_after]);
    wanted.push(["root_remapped", before.root_remapped]);
    wanted.push(["data_remapped", before.data_remapped]);
  }
  const problems = wanted.flatMap(([key, value]) =>
    report[key] === value ? [] : [`${key} is ${report[key]}, not ${value}`]
  );
  for (const name of ["root", "data"] as const) {
    const prepared = expected.prepared.get(name)?.sectors ?? 0;
    const now = report[`${name}_remapped`];
    // The first boot relocates more of both.
    if (now <= prepared) problems.push(`${name}: ${now} sectors relocated, ${prepared} before`);
  }
  if (!/ 3 verify_reads retries 2$/.test(report.table)) {
    problems.push(`the options of data are gone: ${report.table}`);
  }
  return problems;
}
