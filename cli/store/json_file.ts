// SPDX-License-Identifier: GPL-2.0-only
// A snapshot as one JSON document, for other programs and other machines.
import { closeSync, openSync, readSync } from "node:fs";
import { hasSlot } from "../metadata/extent.ts";
import { SCHEMA_VERSION, toJson } from "../output/json.ts";
import { ImportError } from "./errors.ts";
import { Fields, headFields, readHead } from "./head_json.ts";
import { JsonObjectStream, JsonStreamError } from "./json_stream.ts";
import { sha256 } from "./pieces.ts";
import type {
  BadSlots,
  NewSnapshot,
  SlotData,
  SnapshotContent,
  SnapshotEntry,
  SnapshotState,
  Store,
} from "./types.ts";

/** What the document says that it is. */
const KIND = "dm-remap snapshot";
/** The lists in their order: they are read as they come. */
const LISTS = ["entries", "bad_slots", "data"];

const CHUNK = 64 * 1024;

/** The document, in pieces; each element of a list has a line of its own. */
export function* snapshotJson(store: Store, id: number): Generator<string> {
  const head = toJson({ kind: KIND, snapshot: headFields(store.head(id)) });
  yield `${head.slice(0, -1)},\n"entries":[`;
  yield* lines(store.entries(id), entryFields);
  yield '],\n"bad_slots":[';
  yield* lines(store.badSlots(id), badSlotFields);
  yield '],\n"data":[';
  yield* lines(store.data(id), dataFields);
  yield "]}\n";
}

function* lines<T>(elements: Iterable<T>, fields: (element: T) => object): Generator<string> {
  let text = "";
  let separator = "\n";
  for (const element of elements) {
    text += separator + JSON.stringify(fields(element));
    separator = ",\n";
    if (text.length < CHUNK) continue;
    yield text;
    text = "";
  }
  yield text;
}

function entryFields({ first, length, state, slot }: SnapshotEntry) {
  const place = hasSlot(state) ? { slot_sectors: slot } : {};
  return { start_sectors: first, length_sectors: length, state, ...place };
}

function badSlotFields({ slot, length }: BadSlots) {
  return { slot_sectors: slot, length_sectors: length };
}

function dataFields({ first, length, bytes }: SlotData) {
  const digest = sha256(bytes).toHex();
  return {
    start_sectors: first,
    length_sectors: length,
    sha256: digest,
    base64: bytes.toBase64(),
  };
}

/** A document, while it is read: to be taken into a store once. */
export class JsonSnapshotFile implements Disposable {
  readonly snapshot: NewSnapshot;
  readonly content: SnapshotContent;
  readonly #file: number;
  readonly #stream: JsonObjectStream;
  #key: string | undefined;

  /** @throws {ImportError} */
  constructor(private readonly path: string) {
    this.#file = openForReading(path);
    this.#stream = new JsonObjectStream(this.#chunks());
    try {
      const { snapshot, seal } = this.#guarded(() => this.#readHead());
      this.snapshot = snapshot;
      this.content = {
        entries: this.#list("entries", (element) => this.#entry(element)),
        badSlots: this.#list("bad_slots", (element) => this.#badSlots(element)),
        data: this.#list("data", (element) => this.#data(element)),
        seal,
      };
    } catch (error) {
      closeSync(this.#file);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #readHead(): ReturnType<typeof readHead> {
    let [kind, version]: [unknown, unknown] = [undefined, undefined];
    for (;;) {
      this.#key = this.#stream.nextKey();
      if (this.#key === undefined || LISTS.includes(this.#key)) {
        throw this.#error("is no snapshot of ours: its head is not where it should be");
      }
      if (this.#key === "schema_version") version = this.#stream.value();
      else if (this.#key === "kind") kind = this.#stream.value();
      else if (this.#key === "snapshot") break;
      else this.#stream.skipValue();
    }
    if (kind !== KIND) throw this.#error("is JSON, but no snapshot of ours");
    if (version !== SCHEMA_VERSION) {
      const cure = "update dm-remap's tool";
      throw this.#error(`has schema version ${version}, which is not known here`, { cure });
    }
    const head = readHead(this.path, this.#stream.value());
    this.#key = this.#stream.nextKey();
    return head;
  }

  /** A list that is not there is empty: the seal tells whether it should have been. */
  *#list<T>(name: string, read: (element: unknown) => T): Generator<T> {
    this.#guarded(() => this.#skipUnknown());
    if (this.#key === name) {
      const elements = this.#stream.elements();
      for (;;) {
        const next = this.#guarded(() => elements.next());
        if (next.done === true) break;
        yield read(next.value);
      }
      this.#guarded(() => {
        this.#key = this.#stream.nextKey();
        this.#skipUnknown();
      });
    }
    if (name === LISTS.at(-1) && this.#key !== undefined) {
      throw this.#error(`its lists are not in this order: ${LISTS.join(", ")}`);
    }
  }

  /** Later versions may add fields. */
  #skipUnknown(): void {
    while (this.#key !== undefined && !LISTS.includes(this.#key)) {
      this.#stream.skipValue();
      this.#key = this.#stream.nextKey();
    }
  }

  #entry(element: unknown): SnapshotEntry {
    const fields = new Fields(this.path, "entry", element);
    return {
      first: fields.count("start_sectors"),
      length: fields.count("length_sectors"),
      // Whoever takes the snapshot looks whether it is one.
      state: fields.text("state") as SnapshotState,
      slot: fields.has("slot_sectors") ? fields.count("slot_sectors") : 0,
    };
  }

  #badSlots(element: unknown): BadSlots {
    const fields = new Fields(this.path, "bad slot", element);
    return { slot: fields.count("slot_sectors"), length: fields.count("length_sectors") };
  }

  #data(element: unknown): SlotData {
    const fields = new Fields(this.path, "content", element);
    try {
      const bytes = Uint8Array.fromBase64(fields.text("base64"));
      return {
        first: fields.count("start_sectors"),
        length: fields.count("length_sectors"),
        bytes,
      };
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw this.#error("is no snapshot of ours: its content is no base64", { cause });
    }
  }

  *#chunks(): Generator<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const bytes = new Uint8Array(CHUNK);
    for (;;) {
      const count = readSync(this.#file, bytes);
      yield decoder.decode(bytes.subarray(0, count), { stream: count > 0 });
      if (count === 0) return;
    }
  }

  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof JsonStreamError) {
        throw this.#error(`is no whole JSON document: ${error.message}`, { cause: error });
      }
      if (error instanceof TypeError) throw this.#error("is no text in UTF-8", { cause: error });
      if (error instanceof Error && "syscall" in error) {
        throw this.#error("cannot be read", { cause: error });
      }
      throw error;
    }
  }

  #error(reason: string, options: { cause?: unknown; cure?: string } = {}): ImportError {
    return new ImportError(reason, { device: this.path, ...options });
  }
}

const BEGINNING = new RegExp(
  `^\\s*\\{\\s*"schema_version":\\s*${SCHEMA_VERSION},\\s*"kind":\\s*"${KIND}"`,
);

/** Whether a file has the first words of our documents, whatever follows. */
export function beginsLikeOurs(path: string): boolean {
  const file = openForReading(path);
  try {
    const bytes = new Uint8Array(256);
    return BEGINNING.test(new TextDecoder().decode(bytes.subarray(0, readSync(file, bytes))));
  } catch {
    return false;
  } finally {
    closeSync(file);
  }
}

/** @throws {ImportError} */
export function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new ImportError("cannot be opened", { device: path, cause });
  }
}
