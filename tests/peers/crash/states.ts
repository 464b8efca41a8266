// SPDX-License-Identifier: GPL-2.0-only
//
// States that a crash may leave, and the file system as the target would give it after its recovery:
// main's image, with relocated sectors taken from their slots.
import { checkMetadata } from "../../../cli/metadata/check.ts";
import { MemoryImage } from "../../../cli/metadata/image.ts";
import { layoutOf } from "../../../cli/metadata/layout.ts";
import { loadMetadata } from "../../../cli/metadata/load.ts";
import { Random } from "../../../cli/selftest/random.ts";
import { type Chosen, Medium, type Volatile } from "../../crash/medium.ts";
import { type Event, SECTOR } from "../../crash/recording.ts";
import { MAIN_SECTORS, SPARE_SECTORS, UNIT } from "./layout.ts";

export const MAIN = 0;
const SPARE = 1;

/** The file system is mounted from this mark to the next of its kind. */
export const MOUNTED = 0;

export interface State {
  /** Where in the recording, and what had reached the media: for whoever wants it again. */
  readonly name: string;
  /** The device as the file system would find it. */
  readonly image: Uint8Array<ArrayBuffer>;
  readonly begun: ReadonlySet<number>;
  readonly ended: ReadonlySet<number>;
  /** Sectors that are on the spare. */
  readonly relocated: number;
}

/** A recording that goes on, event by event. */
class Player {
  readonly media = [new Medium(zeroes(MAIN_SECTORS)), new Medium(zeroes(SPARE_SECTORS))] as const;
  readonly begun = new Set<number>();
  readonly ended = new Set<number>();
  mounted = false;

  /** True before an event that makes something durable, if something has changed since the last. */
  *moments(events: readonly Event[]): Generator<number> {
    let changed = false;
    for (const [at, event] of events.entries()) {
      if (event.kind === "mark") {
        changed = this.#mark(event.mark) || changed;
        continue;
      }
      const medium = this.media[event.device === MAIN ? MAIN : SPARE];
      if (this.mounted && changed && event.kind === "done" && medium.settlesAt(event.id)) {
        yield at;
        changed = false;
      }
      changed = medium.take(event) || changed || event.kind === "write";
    }
  }

  #mark(mark: Extract<Event, { kind: "mark" }>["mark"]): boolean {
    if (mark.type === "begin" && mark.op === MOUNTED) this.mounted = !this.mounted;
    else if (mark.type === "begin") this.begun.add(mark.op);
    else if (mark.type === "end") this.ended.add(mark.op);
    return mark.type === "end";
  }
}

const zeroes = (sectors: number) => new Uint8Array(sectors * SECTOR);

/** Metadata may be torn anywhere, blocks of a file system only between them. */
function tear(entry: Volatile, random: Random): Chosen {
  const { write: { device, sector }, sectors } = entry;
  const isMetadata = device === SPARE && sector < layoutOf(SPARE_SECTORS, UNIT).slotsStart;
  const step = isMetadata ? 1 : UNIT;
  let mask = 0n;
  for (let at = 0; at < sectors; at += step) {
    if (random.below(2) === 0) continue;
    mask |= ((1n << BigInt(Math.min(step, sectors - at))) - 1n) << BigInt(at);
  }
  return { volatile: entry, mask };
}

const KINDS = ["nothing", "everything", "anything"] as const;

function choose(
  kind: typeof KINDS[number],
  volatile: readonly Volatile[],
  random: Random,
): readonly Chosen[] {
  if (kind === "nothing") return [];
  if (kind === "everything") return volatile.map((each) => ({ volatile: each }));
  const eagerness = random.pick([1, 3, 5, 7]);
  return volatile.filter(() => random.below(8) < eagerness)
    .map((each) => random.below(3) === 0 ? tear(each, random) : { volatile: each });
}

/** What a start of the target would make of the media. */
export function compose(main: Uint8Array, spare: Uint8Array<ArrayBuffer>): {
  readonly image: Uint8Array<ArrayBuffer>;
  readonly relocated: number;
} {
  const metadata = new MemoryImage(spare);
  const [problem] = checkMetadata(metadata).problems;
  if (problem !== undefined) throw new Error(`the metadata: ${problem.where}: ${problem.message}`);
  const image = new Uint8Array(main);
  let relocated = 0;
  for (const { first, length, slot, state } of loadMetadata(metadata).extents()) {
    if (state === "bad" || state === "main") continue;
    if (state !== "remapped") throw new Error(`sector ${first} is ${state}, and nothing was lost`);
    image.set(spare.subarray(slot * SECTOR, (slot + length) * SECTOR), first * SECTOR);
    relocated += length;
  }
  return { image, relocated };
}

/** So many states of a recording, spread over all of its moments. */
export function* crashStates(
  events: readonly Event[],
  count: number,
  seed: number,
): Generator<State> {
  const all = new Player().moments(events).reduce((sum) => sum + 1, 0);
  if (all === 0) throw new Error("the recording has no moment worth a crash");
  const random = new Random(seed);
  const player = new Player();
  let met = 0;
  let taken = 0;
  for (const at of player.moments(events)) {
    // As many as fall to the moments up to this one: several at each, if more are wanted than there are.
    for (met++; taken < Math.floor(met * count / all); taken++) {
      const kind = KINDS[taken % KINDS.length]!;
      yield stateAt(player, at, kind, taken, random);
    }
  }
}

function stateAt(
  { media, begun, ended }: Player,
  at: number,
  kind: typeof KINDS[number],
  number: number,
  random: Random,
): State {
  const chosen = choose(kind, media.flatMap(({ volatile }) => volatile), random);
  const own = (medium: Medium) =>
    chosen.filter(({ volatile }) => medium.volatile.includes(volatile));
  for (const medium of media) medium.apply(own(medium));
  const name = `state ${number}, before event ${at}, with ${kind} of what was volatile`;
  try {
    const made = compose(media[MAIN].image, media[SPARE].image);
    return { name, ...made, begun: new Set(begun), ended: new Set(ended) };
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    for (const medium of media) medium.revert();
  }
}

/** With everything written, the media are what the disk is: the recording tells all. */
export function finalImages(events: readonly Event[]): readonly Uint8Array<ArrayBuffer>[] {
  const player = new Player();
  for (const _moment of player.moments(events)) { /* to its end */ }
  for (const medium of player.media) {
    medium.apply(medium.volatile.map((volatile) => ({ volatile })));
  }
  return player.media.map(({ image }) => image);
}
