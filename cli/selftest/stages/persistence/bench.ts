// SPDX-License-Identifier: GPL-2.0-only
// What the cases about metadata are given: devices that live, crash and live again.
import { BLOCK_SECTORS } from "../../../metadata/format.ts";
import type { Metadata } from "../../../metadata/load.ts";
import { checkEqual, CheckError, codeOf, messageOf, show } from "../../check.ts";
import { Content, newGeneration, position, readSectors } from "../../content.ts";
import { type LoopDisk, makeLoop } from "../../loops.ts";
import { CaseBench, type CaseOf, type PartOf } from "../../parts.ts";
import { type Generation, makeSectors, SECTOR } from "../../pattern.ts";
import { type Disks, type Range, Rig, type RigOptions } from "../../rig.ts";
import { Scope } from "../../scope.ts";
import type { StageRun } from "../../stage.ts";
import { PromiseWatch } from "../errors/promises.ts";
import { SegmentDisk } from "../errors/segments.ts";
import { DiskFiles, firstDifference } from "./files.ts";
import { layoutOn, liveView, metadataIn, type TableView, viewOf } from "./view.ts";

/** Sectors of the disks that the cases share; the ring of such a spare has eight blocks. */
export const MAIN_SECTORS = 2048;
export const SPARE_SECTORS = 1024;
export const RING_BLOCKS = 8;

/** Without them a case would wait for the retries of every bad sector. */
export const QUICK: readonly string[] = ["retries", "1", "retry_delay_ms", "0"];

/** What each refusal ends in. */
export const CURE = /meta check.*meta repair/;

/** Main and spare, and what a device over them has to hold, from one life to the next. */
export interface Pair extends Disks {
  readonly content: Content;
  /** The disks themselves, under whatever makes them fail. */
  readonly raw: Disks;
}

export interface FaultyPair extends Pair {
  readonly main: SegmentDisk;
  readonly spare: SegmentDisk;
}

/** Both disks as they were at one moment. */
export interface CrashImage {
  readonly main: Uint8Array<ArrayBuffer>;
  readonly spare: Uint8Array<ArrayBuffer>;
  readonly content: Content;
}

export interface LifeOptions extends RigOptions {
  /** The target leaves its metadata alone, or cannot write it: the disk need not say the same. */
  readonly unsaved?: boolean;
}

export interface AttemptOptions extends RigOptions {
  /** What is read through the device; everything, unless told. */
  readonly looked?: readonly Range[];
  /** Sectors at the head of the spare that are compared; all, unless told. */
  readonly watched?: number;
}

/** What a main is filled with: made once, for it takes its time. */
let pristine: { readonly generation: Generation; bytes: Uint8Array<ArrayBuffer> } | undefined;

export class PersistenceBench extends CaseBench {
  readonly #files: DiskFiles;

  constructor(
    scope: Scope,
    stage: StageRun,
    private readonly loops: Disks,
    /** Where crash images go. */
    private readonly copies: Disks,
    /** Of the disks above; others are opened for the case. */
    shared: DiskFiles,
  ) {
    super(scope, stage);
    this.#files = shared.forCase(scope);
  }

  /** A filled main and a spare of zeroes, which fail where and when a case wants. */
  async pair(): Promise<FaultyPair> {
    const { main, spare } = this.loops;
    const content = await this.#prepare(this.loops);
    return {
      main: await SegmentDisk.make(this.scope, this.dm, "main", main),
      spare: await SegmentDisk.make(this.scope, this.dm, "spare", spare),
      content,
      raw: this.loops,
    };
  }

  /** Disks of this case's own, which never fail. */
  async ownPair(
    {
      mainSectors = MAIN_SECTORS,
      spareSectors = SPARE_SECTORS,
      blockSize = 512,
      length = mainSectors,
    }: {
      readonly mainSectors?: number;
      readonly spareSectors?: number;
      readonly blockSize?: 512 | 4096;
      /** Of the target. */
      readonly length?: number;
    } = {},
  ): Promise<Pair> {
    const make = (sectors: number) => makeLoop(this.scope, this.workdir, { sectors, blockSize });
    const raw = { main: await make(mainSectors), spare: await make(spareSectors) };
    return { ...raw, raw, content: await this.#prepare(raw, length) };
  }

  /**
   * A device that is there while `body` runs and is removed after it. What lies on the spare says
   * the same as the device at the end of its life, and still does once it is gone.
   */
  async life<T>(
    pair: Pair,
    body: (rig: Rig) => Promise<T>,
    options: LifeOptions = {},
  ): Promise<T> {
    const { spareStart = 0, unsaved = false } = options;
    const length = options.spareLength ?? pair.spare.sectors - spareStart;
    const range = { first: spareStart, count: length };
    const layout = layoutOn(length, pair.main.blockSize);
    let last: TableView;
    let result: T;
    {
      await using scope = new Scope(this.scope.signal);
      const rig = await Rig.make(scope, this.dm, pair, {
        features: QUICK,
        content: pair.content,
        ...options,
      });
      const watch = new PromiseWatch(rig, spareStart + (unsaved ? 0 : layout.slotsStart));
      result = await body(rig);
      await watch.look("at its end");
      last = await liveView(rig);
      if (!unsaved) {
        checkEqual(
          "the spare's table, read beside the device",
          await this.view(pair, range),
          last,
        );
      }
    }
    if (!unsaved) {
      checkEqual(
        "the spare's table after the removal",
        await this.view(pair, range),
        last,
      );
    }
    return result;
  }

  /** Both disks at this moment: what a power cut would leave of what was acknowledged. */
  async crash(pair: Pair): Promise<CrashImage> {
    return {
      main: await this.read(pair.raw.main),
      spare: await this.read(pair.raw.spare),
      content: pair.content.copy(),
    };
  }

  /** Puts an image on other disks, which never fail. */
  async revive(image: CrashImage): Promise<Pair> {
    await this.write(this.copies.main, image.main);
    await this.write(this.copies.spare, image.spare);
    return { ...this.copies, raw: this.copies, content: image.content.copy() };
  }

  /** A device that does not come up; what the kernel said about it. */
  async refuses(what: string, pair: Pair, options: RigOptions = {}): Promise<string> {
    const outcome = await this.attempt(what, pair, options);
    if ("refused" in outcome) return outcome.refused;
    throw new CheckError(what, "refused", show(outcome.view));
  }

  /**
   * A device that comes up, with the table that it has then and all of its content; or one that
   * does not, with a spare on which nothing was changed.
   */
  async attempt(what: string, pair: Pair, options: AttemptOptions = {}): Promise<Attempt> {
    const { looked = [{ first: 0, count: pair.content.sectors }], watched } = options;
    const before = await this.read(pair.raw.spare, 0, watched);
    let refused: string;
    {
      await using scope = new Scope(this.scope.signal);
      try {
        const rig = await Rig.make(scope, this.dm, pair, {
          features: QUICK,
          content: pair.content,
          ...options,
        });
        const view = await liveView(rig);
        for (const { first, count } of looked) await rig.check(what, first, count);
        return { view };
      } catch (error) {
        if (error instanceof CheckError) throw error;
        if (codeOf(error) !== "EINVAL" && codeOf(error) !== "EIO") throw error;
        refused = messageOf(error);
      }
    }
    const after = await this.read(pair.raw.spare, 0, watched);
    const at = firstDifference(after, before);
    checkEqual(`${what}: the first byte of the spare that is changed`, at, -1);
    return { refused };
  }

  async #prepare(disks: Disks, length = disks.main.sectors): Promise<Content> {
    await this.write(disks.spare, new Uint8Array(disks.spare.sectors * 512));
    const content = new Content(length);
    pristine ??= { generation: newGeneration(), bytes: new Uint8Array() };
    if (pristine.bytes.length < length * SECTOR) {
      pristine.bytes = makeSectors(0, length, pristine.generation);
    }
    await this.write(disks.main, pristine.bytes.subarray(0, length * SECTOR));
    content.set(0, length, pristine.generation);
    return content;
  }

  /** Reads a disk past the page cache, so beside a device as well. */
  read(disk: LoopDisk, first = 0, count = disk.sectors): Promise<Uint8Array<ArrayBuffer>> {
    return readSectors(this.#files.of(disk), first, count);
  }

  write(disk: LoopDisk, bytes: Uint8Array, first = 0): Promise<void> {
    return this.#files.of(disk).write(position(first), bytes);
  }

  readBlock(pair: Pair, block: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.read(pair.raw.spare, block * BLOCK_SECTORS, BLOCK_SECTORS);
  }

  writeBlock(pair: Pair, block: number, bytes: Uint8Array): Promise<void> {
    return this.write(pair.raw.spare, bytes, block * BLOCK_SECTORS);
  }

  /** What the metadata on a spare say; the slots are not read for it. */
  async metadata({ raw: { main, spare } }: Pair, range?: Range): Promise<Metadata> {
    const { first, count } = range ?? { first: 0, count: spare.sectors };
    const bytes = new Uint8Array(count * SECTOR);
    bytes.set(await this.read(spare, first, layoutOn(count, main.blockSize).slotsStart));
    return metadataIn(bytes);
  }

  async view(pair: Pair, range?: Range): Promise<TableView> {
    return viewOf(await this.metadata(pair, range));
  }
}

/** How it went to bring a device up. */
export type Attempt = { readonly view: TableView } | { readonly refused: string };

export type PersistenceCase = CaseOf<PersistenceBench>;
/** Cases around one promise. */
export type PersistencePart = PartOf<PersistenceBench>;
