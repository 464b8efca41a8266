// SPDX-License-Identifier: GPL-2.0-only
//
// Plays a recording: media and promises go on together, and stop at each moment worth a crash.
import {
  type Begin,
  type End,
  type Geometry,
  GONE,
  type Mark,
  type PlaceRow,
  type Setup,
} from "./marks.ts";
import { Medium } from "./medium.ts";
import { Promises } from "./promises.ts";
import type { Event } from "./recording.ts";
import { difference, Table } from "./table.ts";
import { Stand } from "./verdict.ts";

/** What the devices held when a part of the recording began; one for each device. */
export type Images = readonly Uint8Array<ArrayBuffer>[];

/** The power may go here: after event `at - 1`, before event `at`. */
export interface Moment {
  readonly at: number;
  readonly stand: Stand;
  readonly media: readonly Medium[];
  readonly promises: Promises;
}

/** The target says something else of itself than it has told before, or than its metadata says. */
class TableError extends Error {
  override readonly name = "TableError";
}

const UNREADABLE: ReadonlySet<string> = new Set(["lost", "pending"]);

/** A part of a recording: from one setup to the next. */
export class Scene {
  readonly media: readonly Medium[];
  readonly stand: Stand;
  readonly promises: Promises;

  constructor({ geometry }: Setup, images: Images) {
    this.media = images.map((image) => new Medium(image.slice()));
    this.stand = new Stand(geometry, this.media);
    this.stand.current = this.stand.choose() ?? 0;
    const { table } = this.stand.load();
    const contents = table.spots.map((spot, sector) =>
      this.stand.stamp(sector, table.unreadable.has(sector) ? { ...spot, place: "remapped" } : spot)
    );
    this.promises = new Promises(table, contents, !this.stand.isBlank());
    this.promises.spare = this.stand.current;
    this.promises.bothCount = this.stand.hasTable(0) && this.stand.hasTable(1);
  }

  get geometry(): Geometry {
    return this.stand.geometry;
  }

  mark(mark: Mark): void {
    if (mark.type === "begin") this.promises.begin(mark);
    else if (mark.type === "end") this.#end(mark);
    else if (mark.type === "table") this.#checkTable(mark.places);
    else if (mark.type === "contents") this.#checkContents(mark.values);
  }

  #end(mark: End): void {
    this.promises.end(mark);
    this.stand.current = this.promises.spare;
  }

  #checkTable(places: readonly PlaceRow[]): void {
    const listed = new Table(this.geometry.main.sectors);
    for (const row of places) listed.put(row);
    const known = new Table(this.geometry.main.sectors);
    known.spots.splice(0, known.spots.length, ...this.promises.spots);
    const differs = difference(listed, known, this.promises.same);
    if (differs !== undefined) throw new TableError(`the target's list and its past: ${differs}`);
    this.promises.settleSlots(listed.spots);
  }

  #checkContents(values: readonly number[]): void {
    for (const [sector, value] of values.entries()) {
      const { place } = this.promises.spots[sector]!;
      if (value === GONE ? UNREADABLE.has(place) : this.promises.mayHold(sector, value)) continue;
      const expected = this.promises.expected(sector);
      throw new TableError(`sector ${sector} (${place}) reads as ${value}, not ${expected}`);
    }
  }
}

/** Does this event change what is durable, or what is promised more strictly before it? */
function isBoundary(event: Event, scene: Scene): boolean {
  if (event.kind === "mark") return event.mark.type === "begin" || event.mark.type === "setup";
  return event.kind === "done" && scene.media[event.device]!.settlesAt(event.id);
}

/** Every moment of a recording, in order. What it hands out is good until the next is asked for. */
export function* moments(
  events: readonly Event[],
  imagesOf: (image: number) => Images,
): Generator<Moment> {
  let scene: Scene | undefined;
  let changed = false;
  for (const [at, event] of events.entries()) {
    if (scene !== undefined && changed && isBoundary(event, scene)) {
      yield { at, ...pick(scene) };
      changed = false;
    }
    if (event.kind === "mark") {
      if (event.mark.type === "setup") scene = new Scene(event.mark, imagesOf(event.mark.image));
      else scene?.mark(event.mark);
      changed ||= event.mark.type !== "begin";
    } else {
      if (scene === undefined) continue;
      const settled = scene.media[event.device]!.take(event);
      changed ||= settled || event.kind === "write";
    }
  }
  if (scene !== undefined) yield { at: events.length, ...pick(scene) };
}

const pick = ({ stand, media, promises }: Scene) => ({ stand, media, promises });

/** The operations of a recording, for its summary. */
export function begins(events: readonly Event[]): Begin[] {
  return events.flatMap((event) =>
    event.kind === "mark" && event.mark.type === "begin" ? [event.mark] : []
  );
}
