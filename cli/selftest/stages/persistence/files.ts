// SPDX-License-Identifier: GPL-2.0-only
// Disks that stay open as long as they are read and written again and again.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import type { LoopDisk } from "../../loops.ts";
import type { Scope } from "../../scope.ts";

/** The first byte that differs; -1 if none does. Both are whole sectors. */
export function firstDifference(
  one: Uint8Array<ArrayBuffer>,
  other: Uint8Array<ArrayBuffer>,
): number {
  const [a, b] = [one, other].map((bytes) => bytes.byteOffset % 8 === 0 ? bytes : bytes.slice())
    .map(({ buffer, byteOffset, length }) => new BigUint64Array(buffer, byteOffset, length / 8));
  for (let word = 0; word < a!.length; word++) {
    if (a![word] === b![word]) continue;
    return one.findIndex((byte, index) => index >= 8 * word && byte !== other[index]);
  }
  return -1;
}

export class DiskFiles {
  readonly #open = new Map<string, DirectFile>();

  constructor(private readonly scope: Scope, private readonly shared?: DiskFiles) {}

  /** Opens these now, for as long as the scope lasts. */
  static open(scope: Scope, disks: readonly LoopDisk[]): DiskFiles {
    const files = new DiskFiles(scope);
    for (const disk of disks) files.of(disk);
    return files;
  }

  /** The same, and others for as long as a case lasts. */
  forCase(scope: Scope): DiskFiles {
    return new DiskFiles(scope, this);
  }

  private opened({ path }: LoopDisk): DirectFile | undefined {
    return this.#open.get(path);
  }

  of(disk: LoopDisk): DirectFile {
    const known = this.shared?.opened(disk) ?? this.opened(disk);
    if (known !== undefined) return known;
    const file = this.scope.use(disk.path, DirectFile.open(disk.path, { write: true }));
    this.#open.set(disk.path, file);
    return file;
  }
}
