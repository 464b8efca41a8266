// SPDX-License-Identifier: GPL-2.0-only
import { LabError } from "./errors.ts";
import { PORTS } from "./guest_init.ts";
import type { GuestOptions, GuestResult } from "./guest_options.ts";
import { planGuest } from "./guest_plan.ts";
import { GuestPort, LineSplitter } from "./guest_port.ts";
import { writeInitramfs } from "./initramfs.ts";
import { findComplaints } from "./kernel_log.ts";
import { ensurePackages, GUEST_PACKAGES } from "./packages.ts";
import { qemuArgs } from "./qemu_args.ts";

export type { GuestOptions, GuestResult } from "./guest_options.ts";
export type { DiskFault, GuestDisk } from "./qemu_args.ts";

/** The run was ended from outside. */
export class InterruptedError extends LabError {
  override readonly name = "InterruptedError";
}

const DEFAULT_TIMEOUT_SECONDS = 300;
/** The program's time does not include the search for leaks after it. */
const LEAK_SCAN_SECONDS = 180;
/** How long the guest may take to print its blocked tasks, or to power itself off. */
const GRACE_SECONDS = 5;

/**
 * Boots a kernel under QEMU, runs one program in it, and brings back what came of it. Nothing is
 * left behind on the host. That the kernel complained is up to the caller to judge: `guestFailure`.
 *
 * ```ts
 * import { ensureKernel } from "./kernels.ts";
 * import { guestFailure, runGuest } from "./guest.ts";
 * const kernel = await ensureKernel("6.1", () => {});
 * const result = await runGuest({ kernel, argv: ["/bin/uname", "-r"] });
 * const failure = guestFailure(result);
 * ```
 */
export async function runGuest(options: GuestOptions): Promise<GuestResult> {
  await ensurePackages(GUEST_PACKAGES, options.log ?? (() => {}));
  const dir = await Deno.makeTempDir({ prefix: "dmremap-lab-" });
  try {
    const plan = await planGuest(options, dir, false);
    await writeInitramfs(plan.machine.initramfs, options.kernel, plan.modules, plan.job);
    using run = new GuestRun(options, dir);
    const ports = run.ports.map(({ name, socket }) => ({ name, socket }));
    return await run.complete(qemuArgs({ ...plan.machine, ports, console: "stdout" }));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Why a run counts as failed: what ended it, or what the kernel complained of. */
export function guestFailure(result: GuestResult): string | undefined {
  const complaint = result.complaints[0];
  const more = result.complaints.length > 1 ? ` (and ${result.complaints.length - 1} more)` : "";
  if (result.timedOut) return `the guest did not end in time${complaint ? `\n${complaint}` : ""}`;
  if (complaint !== undefined) return `the guest's kernel complained${more}:\n${complaint}`;
  if (result.exitCode === null) {
    return `the guest died:\n${result.kernelLog.trimEnd().split("\n").slice(-15).join("\n")}`;
  }
  return result.exitCode === 0
    ? undefined
    : `the program in the guest exited with ${result.exitCode}`;
}

/** One machine, from its start to its end. */
class GuestRun implements Disposable {
  readonly #stdout: GuestPort;
  readonly #records: GuestPort;
  readonly #control: GuestPort;
  readonly #stop = Promise.withResolvers<"timeout" | "interrupt" | "done">();
  readonly #onSignal = () => this.#stop.resolve("interrupt");
  #stdoutText = "";
  #kernelLog = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #exitCode: number | null = null;
  readonly #values: unknown[] = [];
  readonly #unreadable: string[] = [];

  constructor(private readonly options: GuestOptions, dir: string) {
    this.#stdout = new GuestPort(PORTS.stdout, `${dir}/stdout`);
    this.#records = new GuestPort(PORTS.records, `${dir}/records`);
    this.#control = new GuestPort(PORTS.control, `${dir}/control`);
  }

  get ports(): readonly GuestPort[] {
    return [this.#stdout, this.#records, this.#control];
  }

  async complete(args: readonly string[]): Promise<GuestResult> {
    const started = performance.now();
    const timeout = this.options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    this.#setTimeout(timeout);
    Deno.addSignalListener("SIGINT", this.#onSignal);
    Deno.addSignalListener("SIGTERM", this.#onSignal);
    this.options.signal?.addEventListener("abort", this.#onSignal);
    try {
      if (this.options.signal?.aborted) throw new InterruptedError("interrupted");
      const outcome = await this.#runQemu(args);
      if (outcome === "interrupt") throw new InterruptedError("interrupted");
      return {
        exitCode: this.#exitCode,
        records: this.#values,
        stdout: this.#stdoutText,
        kernelLog: this.#kernelLog,
        complaints: [...findComplaints(this.#kernelLog), ...this.#unreadable],
        timedOut: outcome === "timeout",
        seconds: (performance.now() - started) / 1000,
      };
    } finally {
      clearTimeout(this.#timer);
      Deno.removeSignalListener("SIGINT", this.#onSignal);
      Deno.removeSignalListener("SIGTERM", this.#onSignal);
      this.options.signal?.removeEventListener("abort", this.#onSignal);
    }
  }

  async #runQemu(args: readonly string[]): Promise<"timeout" | "interrupt" | "done"> {
    const qemu = new Deno.Command("qemu-system-x86_64", {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // An interrupt from the keyboard is ours to handle, not QEMU's.
      detached: true,
    }).spawn();
    const reading = this.#readAll(qemu);
    const ended = qemu.status.then(() => this.#stop.resolve("done"));
    const outcome = await this.#stop.promise;
    if (outcome === "timeout") {
      await this.#control.write("w\n");
      await Promise.race([ended, seconds(GRACE_SECONDS)]);
    }
    if (outcome !== "done") kill(qemu);
    await ended;
    for (const port of this.ports) port.stopListening();
    const complaint = await reading;
    if (outcome === "done" && this.#kernelLog === "") throw new LabError(`QEMU: ${complaint}`);
    return outcome;
  }

  /** Takes in everything that the machine says; gives back what QEMU itself said. */
  async #readAll(qemu: Deno.ChildProcess): Promise<string> {
    const records = new LineSplitter((line) => this.#takeRecord(line));
    const control = new LineSplitter((line) => this.#takeControl(line, qemu));
    const [stderr] = await Promise.all([
      new Response(qemu.stderr).text(),
      this.#readConsole(qemu.stdout),
      this.#stdout.read((text) => {
        this.#stdoutText += text;
        this.options.onStdout?.(text);
      }),
      this.#records.read((text) => records.push(text)).then(() => records.end()),
      this.#control.read((text) => control.push(text)),
    ]);
    return stderr.trim();
  }

  async #readConsole(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const text = chunk.replaceAll("\r", "");
      this.#kernelLog += text;
      this.options.onKernelLog?.(text);
    }
  }

  #takeRecord(line: string): void {
    try {
      const record: unknown = JSON.parse(line);
      this.#values.push(record);
      this.options.onRecord?.(record);
    } catch {
      this.#unreadable.push(`a record that is not JSON: ${line.slice(0, 200)}`);
    }
  }

  #setTimeout(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop.resolve("timeout"), seconds * 1000);
  }

  #takeControl(line: string, qemu: Deno.ChildProcess): void {
    if (line === "ended") this.#setTimeout(LEAK_SCAN_SECONDS);
    const code = /^exit (\d+)$/.exec(line)?.[1];
    if (code === undefined) return;
    this.#exitCode = Number(code);
    // The guest powers itself off now; a driver that hangs in that must not cost the whole timeout.
    const timer = setTimeout(() => kill(qemu), GRACE_SECONDS * 1000);
    Deno.unrefTimer(timer);
    qemu.status.then(() => clearTimeout(timer));
  }

  [Symbol.dispose](): void {
    for (const port of this.ports) port[Symbol.dispose]();
  }
}

function kill(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch {
    // Ended already.
  }
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000));
}
