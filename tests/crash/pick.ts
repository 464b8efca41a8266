// SPDX-License-Identifier: GPL-2.0-only
//
// Which crashes a next guest is to recover from.
import { Random } from "../../cli/selftest/random.ts";
import type { Recording } from "./campaign.ts";
import { randomChoice } from "./choices.ts";
import { type Images, type Moment, moments } from "./play.ts";

/** While a table was being read and written at the start: a crash in a recovery. */
function starts({ promises }: Moment): boolean {
  return [...promises.running()].some(({ begin }) => begin.kind === "create");
}

function crash({ media }: Moment, random: Random): Images {
  for (const medium of media) medium.apply(randomChoice(medium.volatile, random));
  const images = media.map(({ image }) => image.slice());
  for (const medium of media) medium.revert();
  return images;
}

/** Media as random crashes leave them, half of them during a start if there are enough of these. */
export function pickCrashes(recording: Recording, count: number, seed: number): Images[] {
  const random = new Random(seed);
  const early: number[] = [];
  const late: number[] = [];
  for (const moment of moments(recording.events, recording.imagesOf)) {
    (starts(moment) ? early : late).push(moment.at);
  }
  const half = random.shuffle(early).slice(0, Math.floor(count / 2));
  const wanted = new Set([...half, ...random.shuffle(late).slice(0, count - half.length)]);
  const picked: Images[] = [];
  for (const moment of moments(recording.events, recording.imagesOf)) {
    if (wanted.has(moment.at)) picked.push(crash(moment, random));
  }
  return picked;
}
