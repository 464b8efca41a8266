// SPDX-License-Identifier: GPL-2.0-only

/** Something that keeps the metadata from being loaded. */
export interface Problem {
  /** For programs: a word or two with dashes. */
  readonly code: string;
  /** Block and byte offset, counted from the start of the spare range. */
  readonly where: string;
  /** What is wrong there. */
  readonly message: string;
  /** What to run about it. */
  readonly cure: string;
}

/** Metadata that must not be loaded, with all that is wrong with it. */
export class MetadataError extends Error {
  override readonly name = "MetadataError";

  constructor(readonly path: string, readonly problems: readonly Problem[]) {
    const [first] = problems;
    const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    super(
      first === undefined
        ? `${path}: no metadata`
        : `${path}: ${first.where}: ${first.message}${rest}; ${first.cure}`,
    );
  }
}
