// SPDX-License-Identifier: GPL-2.0-only
import { formatColumns } from "../../cli/output/table.ts";
import {
  CASE_LABELS,
  CAUSE_LABELS,
  type OperationName,
  OPERATIONS,
  REQUEST_LABELS,
} from "./cases.ts";
import type { IoRow, Judged, Report, StartRow } from "./report.ts";

/** The report as tables for people. */
export function formatReport(report: Report): string {
  const sections = [
    ...(report.io.length === 0 ? [] : [ioSection(report.io, report.kernel)]),
    ...(report.memory.length === 0 ? [] : [memorySection(report)]),
    ...(report.requests.length === 0 ? [] : [requestSection(report)]),
    ...(report.scans.length === 0 ? [] : [scanSection(report)]),
    ...(report.commits.length === 0 ? [] : [commitSection(report)]),
    ...(report.checkpoints.length === 0 ? [] : [checkpointSection(report)]),
    ...(report.activations.length === 0 ? [] : [activationSection(report)]),
    ...(report.start === undefined ? [] : [startSection(report.start)]),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** The number of figures that are over their budgets. */
export function countOver(report: Report): number {
  const judged: (Judged | undefined)[] = [
    ...report.io.flatMap(({ read, write }) => [read, write]),
    ...report.memory,
    ...report.scans,
    ...report.commits,
    ...report.activations,
    report.start,
  ];
  return judged.filter((each) => each?.within_budget === false).length;
}

function ioSection(rows: readonly IoRow[], kernel = "?"): string {
  const columns = [
    { heading: "4 KiB RANDOM I/O" },
    { heading: "OPERATION" },
    { heading: "INSTRUCTIONS", numeric: true },
    { heading: "ABOVE LINEAR", numeric: true },
    { heading: "BUDGET", numeric: true },
    { heading: "VERDICT" },
  ];
  const lines = OPERATIONS.flatMap((operation: OperationName) =>
    rows.flatMap((row) => {
      const figure = row[operation];
      if (figure === undefined) return [];
      return [[
        CASE_LABELS[row.case],
        operation,
        figure.instructions.toFixed(1),
        figure.above_linear?.toFixed(1) ?? "",
        figure.budget?.toString() ?? "",
        verdict(figure),
      ]];
    })
  );
  return `Kernel ${kernel}\n\n${formatColumns(columns, lines)}`;
}

function memorySection({ memory }: Report): string {
  const columns = [
    { heading: "SCATTERED ENTRIES" },
    { heading: "COUNT", numeric: true },
    { heading: "BYTES AN ENTRY", numeric: true },
    { heading: "BUDGET", numeric: true },
    { heading: "VERDICT" },
  ];
  const lines = memory.map((row) => [
    `inserted in ${row.order} order`,
    row.entries.toLocaleString("en"),
    row.entry_bytes.toFixed(1),
    row.budget?.toString() ?? "",
    verdict(row),
  ]);
  return formatColumns(columns, lines);
}

function requestSection({ requests }: Report): string {
  const columns = [{ heading: "REMAP MESSAGE" }, {
    heading: "INSTRUCTIONS A SECTOR",
    numeric: true,
  }];
  return formatColumns(
    columns,
    requests.map((row) => [
      REQUEST_LABELS[row.request],
      row.instructions_per_sector.toLocaleString("en"),
    ]),
  );
}

function scanSection({ scans }: Report): string {
  const columns = [
    { heading: "SCAN, BESIDE PLAIN 1 MIB READS" },
    { heading: "INSTRUCTIONS A SECTOR", numeric: true },
    { heading: "PLAIN READS", numeric: true },
    { heading: "SPEED", numeric: true },
    { heading: "AT LEAST", numeric: true },
    { heading: "VERDICT" },
  ];
  const rows = scans.map((row) => [
    `${row.sectors.toLocaleString("en")} sectors`,
    `${row.instructions_per_sector}`,
    `${row.plain_instructions_per_sector}`,
    `${row.percent.toFixed(1)}%`,
    `${row.budget}%`,
    verdict(row),
  ]);
  return formatColumns(columns, rows);
}

const count = (value: number) => value.toLocaleString("en");

function commitSection({ commits }: Report): string {
  const columns = [
    { heading: "ONE RELOCATION, TO THE SPARE" },
    { heading: "ENTRIES", numeric: true },
    { heading: "WRITES", numeric: true },
    { heading: "OF METADATA", numeric: true },
    { heading: "FLUSHES", numeric: true },
    { heading: "BYTES", numeric: true },
    { heading: "BUDGET", numeric: true },
    { heading: "VERDICT" },
  ];
  const rows = commits.map((row) => [
    CAUSE_LABELS[row.cause],
    count(row.entries),
    row.writes.toFixed(2),
    row.metadata_writes.toFixed(2),
    row.flushes.toFixed(2),
    count(row.written_bytes),
    `${row.budget}`,
    verdict(row),
  ]);
  return formatColumns(columns, rows);
}

function checkpointSection({ checkpoints }: Report): string {
  const columns = [
    { heading: "CHECKPOINT" },
    { heading: "WRITES", numeric: true },
    { heading: "BYTES", numeric: true },
    { heading: "INSTRUCTIONS", numeric: true },
    { heading: "ONE IN COMMITS", numeric: true },
  ];
  const rows = checkpoints.map((row) => [
    `${count(row.entries)} entries`,
    count(row.writes),
    count(row.written_bytes),
    count(row.instructions),
    count(row.ring_blocks),
  ]);
  return formatColumns(columns, rows);
}

function activationSection({ activations }: Report): string {
  const columns = [
    { heading: "ACTIVATION" },
    { heading: "INSTRUCTIONS", numeric: true },
    { heading: "AN ENTRY", numeric: true },
    { heading: "BYTES AN ENTRY", numeric: true },
    { heading: "BUDGET", numeric: true },
    { heading: "VERDICT" },
  ];
  const rows = activations.map((row) => [
    `${count(row.entries)} entries`,
    count(row.instructions),
    row.instructions_per_entry?.toString() ?? "",
    row.entry_bytes?.toFixed(1) ?? "",
    row.budget?.toString() ?? "",
    verdict(row),
  ]);
  return formatColumns(columns, rows);
}

function startSection(start: StartRow): string {
  const columns = [
    { heading: `START (--version, median of ${start.runs})` },
    { heading: "MS", numeric: true },
    { heading: "PACKED / THIS", numeric: true },
    { heading: "BUDGET" },
    { heading: "VERDICT" },
  ];
  const budget = `${start.budget_ms} ms, ${start.budget_ratio} x the bundle`;
  return formatColumns(columns, [
    ["packed file", start.packed_ms.toFixed(1), "", budget, verdict(start)],
    ["deno run, bundle", start.bundle_ms.toFixed(1), start.packed_to_bundle.toFixed(2), "", ""],
    ["deno run, sources", start.source_ms.toFixed(1), start.packed_to_source.toFixed(2), "", ""],
  ]);
}

function verdict({ within_budget }: Judged): string {
  return within_budget === undefined ? "" : within_budget ? "ok" : "OVER";
}
