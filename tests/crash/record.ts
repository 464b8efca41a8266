// SPDX-License-Identifier: GPL-2.0-only
//
// Makes a recording: images onto a disk, a guest that works on them, and a look at whether the record
// tells all that happened to the disk.
import { LabError } from "../../cli/lab/errors.ts";
import { runInGuest } from "../suite/guest/in_guest.ts";
import { buildTestModule } from "../suite/guest/test_module.ts";
import type { Recording } from "./campaign.ts";
import type { Medium } from "./medium.ts";
import { type Images, moments } from "./play.ts";
import { recordedBytes } from "./recording.ts";
import { beforePath, readRecording, recordPath, splitImage, writeImages } from "./store.ts";

/** Of the file that the record goes to; most of it is a hole. */
const RECORD_BYTES = 1 << 30;

export interface RecordOptions {
  readonly directory: string;
  readonly name: string;
  readonly images: readonly Images[];
  readonly seed: number;
  readonly kernel: string;
  readonly kdir: string;
  readonly module: string | undefined;
  readonly phases: number;
  readonly operations: number;
  /** Numbers of stamps begin there: above all that the images hold. */
  readonly sequence: number;
  readonly migrations: boolean;
}

/** Builds the target that records, for the kernel of a guest. */
export function buildRecorder(
  kernel: { readonly kdir: string },
  directory: string,
): Promise<string> {
  return buildTestModule(kernel, "crash", "lab_log", directory);
}

/** The recording, or nothing if the guest has failed; that has been told. */
export async function makeRecording(options: RecordOptions): Promise<Recording | undefined> {
  const { directory, name, images, seed } = options;
  await writeImages(beforePath(directory, name), images);
  const disk = `${directory}/${name}.after`;
  await Deno.copyFile(beforePath(directory, name), disk);
  const record = recordPath(directory, name);
  await Deno.writeFile(record, new Uint8Array());
  await Deno.truncate(record, RECORD_BYTES);
  const log = await buildRecorder(options, `${directory}/module`);
  const code = await runInGuest({
    program: new URL("guest.ts", import.meta.url).pathname,
    args: [
      ...["--seed", `${seed}`, "--images", `${images.length}`],
      ...["--phases", `${options.phases}`, "--operations", `${options.operations}`],
      ...["--sequence", `${options.sequence}`],
      ...(options.migrations ? ["--migrations"] : []),
    ],
    kernel: options.kernel,
    module: options.module,
    timeoutSeconds: 300,
    disks: [{ serial: "images", path: disk }, { serial: "record", path: record }],
    share: [`${directory}/module`],
    env: { DMREMAP_WRITE_LOG: log },
  });
  await shorten(record);
  if (code !== 0) return undefined;
  const recording = await readRecording(directory, name);
  checkComplete(recording, await Deno.readFile(disk));
  await Deno.remove(disk);
  return recording;
}

/** Cuts off what the record has not reached. */
async function shorten(path: string): Promise<void> {
  const length = recordedBytes(path);
  if (length === 0) throw new LabError(`${path}: nothing was recorded`);
  await Deno.truncate(path, length);
}

/** With everything that was written the media are what the disk is now. */
function checkComplete({ events, imagesOf }: Recording, disk: Uint8Array<ArrayBuffer>): void {
  let image = -1;
  let media: readonly Medium[] = [];
  const compare = () => {
    for (const [device, medium] of media.entries()) {
      medium.apply(medium.volatile.map((volatile) => ({ volatile })));
      const differs = !sameBytes(medium.image, splitImage(disk, image)[device]!);
      medium.revert();
      if (differs) throw new LabError(`the record does not tell all of device ${device}`);
    }
  };
  for (const moment of moments(events, imagesOf)) {
    if (media !== moment.media && media.length > 0) compare();
    if (media !== moment.media) image++;
    media = moment.media;
  }
  compare();
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
