// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: what an instrumented module has counted, on its way to the host. Counters of a
// module that has been unloaded are kept by the kernel.
import { existsSync } from "node:fs";

const ROOT = "/sys/kernel/debug/gcov";
const SUFFIX = ".gcda";

/** The counters of one object file. */
export interface CountersRecord {
  readonly type: "counters";
  /** Its path on the host, with `.gcda`. */
  readonly file: string;
  readonly base64: string;
}

export function isCountersRecord(value: unknown): value is CountersRecord {
  return typeof value === "object" && value !== null && "type" in value &&
    value.type === "counters";
}

function* countersBelow(dir: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    const path = `${dir}/${name}`;
    if (isDirectory) yield* countersBelow(path);
    else if (name.endsWith(SUFFIX)) yield path;
  }
}

/** The profile of one source of the tool, as Deno leaves it behind. */
export interface ProfileRecord {
  readonly type: "profile";
  readonly text: string;
}

export function isProfileRecord(value: unknown): value is ProfileRecord {
  return typeof value === "object" && value !== null && "type" in value &&
    value.type === "profile";
}

function send(records: Iterable<CountersRecord | ProfileRecord>): void {
  using channel = Deno.openSync(Deno.env.get("DMREMAP_CHANNEL") ?? "/dev/stdout", { write: true });
  const encoder = new TextEncoder();
  for (const record of records) {
    const line = encoder.encode(`${JSON.stringify(record)}\n`);
    for (let sent = 0; sent < line.length;) sent += channel.writeSync(line.subarray(sent));
  }
}

/** Writes the counters to the guest's channel, on a kernel that counts. */
export function sendCounters(): void {
  if (existsSync(ROOT)) send(counterRecords());
}

function* counterRecords(): Generator<CountersRecord> {
  for (const path of countersBelow(ROOT)) {
    yield {
      type: "counters",
      file: path.slice(ROOT.length),
      base64: Deno.readFileSync(path).toBase64(),
    };
  }
}

/** Writes what Deno has left in a folder, of the tool's own sources, to the guest's channel. */
export function sendProfiles(folder: string): void {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const texts = names.filter((name) => name.endsWith(".json"))
    .map((name) => Deno.readTextFileSync(`${folder}/${name}`))
    .filter((text) => /"url":"file:[^"]*\/(cli|ffi)\/[^"]*\.ts"/.test(text));
  send(texts.map((text) => ({ type: "profile", text })));
}
