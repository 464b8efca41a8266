// SPDX-License-Identifier: GPL-2.0-only
//
// What a program in the guest tells its host, line by line.

/** A line of progress, or what came of one test. */
export type GuestRecord =
  | { readonly type: "progress"; readonly text: string }
  | { readonly type: "result"; readonly name: string; readonly error?: string };

/** Also for what is not a {@linkcode GuestRecord}: its suite takes it in by itself. */
export function sendRecord(record: object): void {
  const line = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
  const channel = Deno.env.get("DMREMAP_CHANNEL");
  using file = channel === undefined ? undefined : Deno.openSync(channel, { write: true });
  const target = file ?? Deno.stdout;
  for (let sent = 0; sent < line.length;) sent += target.writeSync(line.subarray(sent));
}

export function progress(text: string): void {
  sendRecord({ type: "progress", text });
}

/** A test is over; it has passed if there is no error. */
export function result(name: string, error?: string): void {
  sendRecord({ type: "result", name, ...(error === undefined ? {} : { error }) });
}

export function isGuestRecord(value: unknown): value is GuestRecord {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return value.type === "progress" || value.type === "result";
}
