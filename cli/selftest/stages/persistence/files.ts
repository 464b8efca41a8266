// SPDX-License-Identifier: GPL-2.0-only
// Disks that stay open as long as they are read and written again and again.
import { DirectFile } from "../../../../ffi/direct_file.ts";
import type { LoopDisk } from "../../loops.ts";
import type { Scope } from "../../scope.ts";

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
