// SPDX-License-Identifier: GPL-2.0-only
// Metrics for the textfile collector of node_exporter, in Prometheus' text format.
import { basename, dirname, join } from "node:path";

/** One value, and what it is of. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number | bigint;
}

/** All values of one name. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: readonly Sample[];
}

/** The text; families without a value are left out. */
export function formatMetrics(families: readonly MetricFamily[]): string {
  return families.filter(({ samples }) => samples.length > 0).map(formatFamily).join("");
}

function formatFamily({ name, help, type, samples }: MetricFamily): string {
  const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const lines = samples.map(({ labels, value }) => `${name}${formatLabels(labels)} ${value}`);
  return [`# HELP ${name} ${text}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

function formatLabels(labels: Readonly<Record<string, string>> = {}): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return words.length === 0 ? "" : `{${words.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** A value without labels in such a text. */
export function metricOf(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name} (\\S+)$`, "m").exec(text);
  const value = Number(match?.[1]);
  return match === null || Number.isNaN(value) ? undefined : value;
}

/**
 * Puts the text in the place of the file's at once: whoever reads it sees the old or the new one. The
 * name that it has until then is none that the collector reads.
 * @throws {Error} as the file system has it
 */
export function replaceTextfile(path: string, text: string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${Deno.pid}.new`);
  try {
    Deno.writeTextFileSync(temporary, text, { mode: 0o644 });
    // The collector runs as another user, whatever the umask of this one is.
    Deno.chmodSync(temporary, 0o644);
    Deno.renameSync(temporary, path);
  } catch (error) {
    try {
      Deno.removeSync(temporary);
    } catch {
      // It was never made, or cannot be removed either.
    }
    throw error;
  }
}
