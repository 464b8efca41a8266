// SPDX-License-Identifier: GPL-2.0-only
// Runs the few programs that a kernel module needs: make, insmod, rmmod, modprobe.

/** How a program ended, and what it wrote. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of {@linkcode runProgram}. */
export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
}

/** cron and plain users have no sbin in their PATH, where the module tools live. */
const SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The path of a program, looked for in PATH and then where administrators' tools are. */
export function findProgram(name: string): string | undefined {
  if (name.includes("/")) return isFile(name) ? name : undefined;
  const folders = (Deno.env.get("PATH") ?? "/usr/bin:/bin").split(":").filter((dir) => dir !== "");
  return [...folders, ...SBIN].map((dir) => `${dir}/${name}`).find(isFile);
}

/** Runs a program to its end. A signal that aborts ends it, and the promise rejects with its reason. */
export async function runProgram(
  name: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const command = new Deno.Command(findProgram(name) ?? name, {
    args: [...args],
    env: { LC_ALL: "C", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const { code, stdout, stderr } = await command.output();
  options.signal?.throwIfAborted();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
