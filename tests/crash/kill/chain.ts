// SPDX-License-Identifier: GPL-2.0-only
//
// Boot after boot on the same disks. After each the host looks at the disks itself.
import {
  guestFailure,
  type GuestOptions,
  InterruptedError,
  runGuest,
} from "../../../cli/lab/guest.ts";
import { findComplaints } from "../../../cli/lab/kernel_log.ts";
import { Random } from "../../../cli/selftest/random.ts";
import { log } from "../../suite/guest/in_guest.ts";
import { isGuestRecord } from "../../suite/guest/records.ts";
import { freshImages } from "../layout.ts";
import { type Images, Scene } from "../play.ts";
import { type Event, parseRecording } from "../recording.ts";
import { splitImage, writeImages } from "../store.ts";
import { judge, Stand } from "../verdict.ts";
import type { Machine } from "./prepare.ts";

const MARKS_BYTES = 64 << 20;
const TIMEOUT_SECONDS = 300;
/** Of those that are killed, one in so many is killed while it is starting. */
const EARLY = 4;
const EARLY_MS = 250;
const LATE_MS = 1500;
/** Stamps of one boot. */
const SEQUENCES = 1 << 20;

export interface ChainOptions extends Machine {
  readonly seed: number;
  readonly directory: string;
}

export class Chain {
  readonly #random: Random;
  readonly #disk: string;
  readonly #marks: string;
  #boot = 0;

  private constructor(private readonly options: ChainOptions) {
    this.#random = new Random(options.seed);
    this.#disk = `${options.directory}/${options.seed}.disk`;
    this.#marks = `${options.directory}/${options.seed}.marks`;
  }

  static async create(options: ChainOptions): Promise<Chain> {
    const chain = new Chain(options);
    await writeImages(chain.#disk, [freshImages(options.seed)]);
    return chain;
  }

  /** What came of it, in words. @throws if anything is not as promised */
  async bootAndKill(): Promise<string> {
    const early = this.#random.below(EARLY) === 0;
    const delay = this.#random.below(early ? EARLY_MS : LATE_MS);
    const when = early ? "starts" : "works";
    const before = await this.#images();
    await this.#run({ when, delay });
    const operations = this.#judge(before, await this.#images(), await this.#readMarks());
    const moment = `${delay} ms after it ${early ? "began to start" : "had started"}`;
    return `boot ${this.#boot} of ${this.options.seed}: killed ${moment}, ${operations} operations`;
  }

  async lastBoot(): Promise<string> {
    const before = await this.#images();
    await this.#run();
    const operations = this.#judge(before, await this.#images(), await this.#readMarks());
    return `last boot of ${this.options.seed}: ${operations} operations`;
  }

  async #images(): Promise<Images> {
    return splitImage(await Deno.readFile(this.#disk), 0);
  }

  async #readMarks(): Promise<Event[]> {
    return parseRecording(await Deno.readFile(this.#marks), false);
  }

  /** Everything that was promised must be on the disks; and the target must have said so. */
  #judge(before: Images, after: Images, events: readonly Event[]): number {
    let scene: Scene | undefined;
    let operations = 0;
    for (const event of events) {
      if (event.kind !== "mark") continue;
      if (event.mark.type === "setup") scene = new Scene(event.mark, before);
      else scene?.mark(event.mark);
      if (event.mark.type === "end") operations++;
    }
    if (scene === undefined) throw new Error("the guest was killed before it began");
    judge(new Stand(scene.geometry, after.map((image) => ({ image }))), scene.promises, true);
    return operations;
  }

  /** Runs a guest; one that is to be killed must not end by itself. */
  async #run(kill?: { readonly when: string; readonly delay: number }): Promise<void> {
    await Deno.writeFile(this.#marks, new Uint8Array());
    await Deno.truncate(this.#marks, MARKS_BYTES);
    const stop = new AbortController();
    let kernelLog = "";
    let said = "";
    const onRecord = (record: unknown) => {
      if (!isGuestRecord(record) || record.type !== "progress" || record.text !== kill?.when) {
        return;
      }
      setTimeout(() => stop.abort(), kill.delay);
    };
    const take = { onRecord, onKernelLog: (text: string) => kernelLog += text };
    try {
      const options = this.#guest(kill === undefined);
      const onStdout = (text: string) => said += text;
      const result = await runGuest({ ...options, ...take, onStdout, signal: stop.signal });
      const failure = guestFailure(result);
      if (failure !== undefined) throw new Error(`${failure}\n${said}`);
      if (kill !== undefined) throw new Error(`the guest ended before it was killed\n${said}`);
    } catch (error) {
      if (!(error instanceof InterruptedError) || !stop.signal.aborted) throw error;
    }
    const [complaint] = findComplaints(kernelLog);
    if (complaint !== undefined) throw new Error(`the guest's kernel complained:\n${complaint}`);
  }

  #guest(last: boolean): GuestOptions {
    const { kernel, module, badSectors, program, seed } = this.options;
    const boot = ++this.#boot;
    return {
      kernel,
      module,
      argv: [
        ...[Deno.execPath(), "run", "-A", "--no-config", program],
        ...["--seed", `${seed}`, "--boot", `${boot}`, "--sequence", `${boot * SEQUENCES}`],
        ...(last ? ["--last"] : []),
      ],
      share: [program.replace(/\/[^/]*$/, "")],
      env: { DMREMAP_BAD_SECTORS: badSectors },
      disks: [
        { serial: "images", path: this.#disk },
        { serial: "marks", path: this.#marks },
      ],
      timeoutSeconds: TIMEOUT_SECONDS,
      cpus: 1,
      memoryMiB: 1024,
      log,
    };
  }
}
