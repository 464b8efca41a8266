// SPDX-License-Identifier: GPL-2.0-only
// What the device has to show, sector by sector, and the ways to look at it.
import assert from "node:assert/strict";
import { DirectFile } from "../../../ffi/direct_file.ts";
import { sector, sh } from "../../backup/guest/devices.ts";

export const FRESH = "/dev/lab/fresh";
export const SMALL = "/dev/lab/small";
export const TWIN = "/dev/lab/twin";

/** Nothing is left of what it held. */
export async function wipe(device: string): Promise<void> {
  await sh(`head -c $(blockdev --getsize64 ${device}) /dev/zero >${device}; sync`);
}

/** Which writing a sector shows; `lost`: its reads fail. */
export type Expected = number | "lost";

/** What runs of sectors show. */
export type Expectation = readonly (readonly [first: number, count: number, shows: Expected])[];

/** Reads sector by sector, past the page cache. */
export async function assertShows(expected: Expectation): Promise<void> {
  using file = DirectFile.open("/dev/mapper/r0");
  for (const [first, count, shows] of expected) {
    for (let at = first; at < first + count; at++) {
      const reading = file.read(BigInt(at) * 512n, 512);
      if (shows === "lost") {
        await assert.rejects(reading, { code: "EIO" }, `sector ${at} can be read`);
      } else assert.deepEqual(await reading, sector(at, shows), `sector ${at} is not as it should`);
    }
  }
}

/** The packed program, as people have it. */
export function packed(...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.env.get("DMREMAP_BIN") ?? "dmremap-ts", {
    ...{ args, stdin: "null", stdout: "piped", stderr: "piped" },
  }).spawn();
}

export async function packedJson(
  code: number,
  ...args: string[]
  // deno-lint-ignore no-explicit-any -- any document, as JSON.parse gives it
): Promise<any> {
  const output = await packed(...args, "--json").output();
  const [out, err] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(output.code, code, `${args.join(" ")}: ${out}${err}`);
  return JSON.parse(out ?? "");
}
