// SPDX-License-Identifier: GPL-2.0-only
import { DirectFile } from "../../../ffi/direct_file.ts";
import { SystemError } from "../../../ffi/errors.ts";
import type { DeviceMapper, TargetSpec } from "../../../ffi/libdevmapper.ts";

/** The disks that host.ts gives the guest. */
export const MAIN = "/dev/lab/main";
export const SPARE = "/dev/lab/spare";
export const MAIN_SECTORS = 131072n;
export const SPARE_SECTORS = 32768n;
export const BLOCK = 4096;

/** `major:minor` of a node. */
export function numberOf(path: string): string {
  const rdev = Deno.statSync(path).rdev ?? 0;
  return `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`;
}

export function line(start: bigint, length: bigint, type: string, params = ""): TargetSpec {
  return { start, length, type, params };
}

/** A linear table over the whole of main. */
export function linear(): TargetSpec[] {
  return [line(0n, MAIN_SECTORS, "linear", `${numberOf(MAIN)} 0`)];
}

/** A device that is removed when the test is over, whatever it did. */
export async function temporaryDevice(
  dm: DeviceMapper,
  name: string,
  targets: readonly TargetSpec[],
  options: { readonly uuid?: string; readonly readOnly?: boolean } = {},
): Promise<AsyncDisposable & { readonly path: string }> {
  await dm.createWithTable(name, targets, options);
  return {
    path: `/dev/mapper/${name}`,
    [Symbol.asyncDispose]: async () => {
      const info = dm.info(name);
      if (info === undefined) return;
      if (info.suspended) await dm.resume(name);
      await dm.remove(name, { retry: true });
    },
  };
}

/** What is in /dev/mapper beside the device mapper's own node. */
export function nodes(): string[] {
  return Array.from(Deno.readDirSync("/dev/mapper"), ({ name }) => name)
    .filter((name) => name !== "control").sort();
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The errno's name that an operation ends with, `none` if it does not fail. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    if (error instanceof SystemError) return error.code;
    throw error;
  }
}

/** Whether a promise settles within some milliseconds. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const late = Symbol();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<symbol>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
  });
  try {
    return await Promise.race([promise.catch(() => {}), timeout]) !== late;
  } finally {
    clearTimeout(timer);
  }
}

export function stamp(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 13 + seed) & 0xff);
}

export function open(path: string): DirectFile {
  return DirectFile.open(path, { write: true });
}

/** Runs a program; its exit code and what it printed. */
async function run(
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const command = new Deno.Command(argv[0]!, {
    args: argv.slice(1),
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Runs a program that has to succeed. */
export async function must(...argv: readonly string[]): Promise<string> {
  const { code, text } = await run(...argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}\n${text}`);
  return text;
}
