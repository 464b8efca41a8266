// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: what an instrumented module has counted, on its way to the host. Counters of a
// module that has been unloaded are kept by the kernel.
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

/** Writes the counters to the guest's channel. */
export function sendCounters(): void {
  using channel = Deno.openSync(Deno.env.get("DMREMAP_CHANNEL") ?? "/dev/stdout", { write: true });
  const encoder = new TextEncoder();
  for (const path of countersBelow(ROOT)) {
    const record: CountersRecord = {
      type: "counters",
      file: path.slice(ROOT.length),
      base64: Deno.readFileSync(path).toBase64(),
    };
    const line = encoder.encode(`${JSON.stringify(record)}\n`);
    for (let sent = 0; sent < line.length;) sent += channel.writeSync(line.subarray(sent));
  }
}
