// SPDX-License-Identifier: GPL-2.0-only
//
// What the workload says of itself, between the writes in the record: what it is about to ask for,
// and what was promised when it was told that it is done.

/** Stands for content that is gone: reading fails. */
export const GONE = -1;
/** Stands for content that no write of the workload has left. */
export const OTHER = -2;

/** Part of a recorded device. */
export interface Part {
  /** The device's number in the record. */
  readonly device: number;
  /** Sectors. */
  readonly start: number;
  readonly sectors: number;
}

export interface Geometry {
  /** Of the stamps. */
  readonly seed: number;
  readonly main: Part;
  /** The two spare ranges, metadata and slots; a device has one of them, a migration changes it. */
  readonly spares: readonly [Part, Part];
  /** Sectors in a logical block. */
  readonly unit: number;
}

export type PlaceName = "main" | "pending" | "remapped" | "lost";

/**
 * First sector, sectors, where they are, and the slot's first sector in the spare range, or -1. Beside
 * a migration nobody knows in which of the two.
 */
export type PlaceRow = readonly [number, number, PlaceName, number];
/** First sector, sectors. */
export type RangeRow = readonly [number, number];

export type Kind =
  | "create"
  | "remove"
  | "remap"
  | "unmap"
  | "write"
  | "read"
  | "flush"
  | "save"
  | "suspend"
  | "migrate";

export interface Begin {
  readonly type: "begin";
  /** Unique in the recording. */
  readonly op: number;
  readonly kind: Kind;
  readonly ranges: readonly RangeRow[];
  /** Of a write: the stamp's number. */
  readonly sequence?: number;
  readonly fua?: boolean;
}

export interface End {
  readonly type: "end";
  readonly op: number;
  readonly ok: boolean;
  /** Where the sectors of the operation are now. */
  readonly places: readonly PlaceRow[];
  /** Slots that are known to be bad. */
  readonly bad?: number;
  /** Of `save`. */
  readonly generation?: number;
}

/** The recording begins, or begins anew with other images: number `image`. */
export interface Setup {
  readonly type: "setup";
  readonly image: number;
  readonly geometry: Geometry;
}

/** The table as the target listed it, all of it. */
export interface Table {
  readonly type: "table";
  readonly places: readonly PlaceRow[];
}

/** The number of each sector's stamp as it was read through the target. */
export interface Contents {
  readonly type: "contents";
  readonly values: readonly number[];
}

export type Mark = Begin | End | Setup | Table | Contents;

const TYPES: ReadonlySet<unknown> = new Set(["begin", "end", "setup", "table", "contents"]);

export function parseMark(text: string): Mark {
  const mark: unknown = JSON.parse(text);
  if (typeof mark === "object" && mark !== null && "type" in mark && TYPES.has(mark.type)) {
    return mark as Mark;
  }
  throw new Error(`unknown mark ${text.slice(0, 100)}`);
}
