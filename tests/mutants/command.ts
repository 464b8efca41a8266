// SPDX-License-Identifier: GPL-2.0-only
//
// A mutant's command, which ends as soon as it has said what we wait for.
import type { Ended } from "./judge.ts";

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly limitSeconds: number;
  /** Looks at the output as it grows; true ends the command. */
  readonly enough: (output: string) => boolean;
  readonly signal: AbortSignal;
}

/** For programs to take away what they have made. */
const GRACE_MS = 5000;

/** The whole group: a program in a guest has QEMU beside it. */
function end(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Runs a command in a session of its own, of which nothing is left afterwards. */
export async function runCommand(
  command: readonly string[],
  { cwd, env, limitSeconds, enough, signal }: CommandOptions,
): Promise<Ended> {
  signal.throwIfAborted();
  const [program = "", ...args] = command;
  const child = new Deno.Command("setsid", {
    args: [program === "deno" ? Deno.execPath() : program, ...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  let timedOut = false;
  let stopped = false;
  let killer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    if (stopped) return;
    stopped = true;
    end(child.pid, "SIGTERM");
    killer = setTimeout(() => end(child.pid, "SIGKILL"), GRACE_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, limitSeconds * 1000);
  signal.addEventListener("abort", stop);
  const take = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (!stopped && text.includes("\n") && enough(output)) stop();
    }
  };
  try {
    await Promise.all([take(child.stdout), take(child.stderr)]);
    const { code } = await child.status;
    return { output, code, timedOut };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    signal.removeEventListener("abort", stop);
    end(child.pid, "SIGKILL");
  }
}
