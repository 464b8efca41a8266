// SPDX-License-Identifier: GPL-2.0-only

/** What libblkid recognised on a device. */
export interface Signature {
  /** `ext4`, `LVM2_member`, `gpt`...; several, joined by `, `, if {@linkcode ambivalent}. */
  readonly type: string;
  /** `filesystem`, `raid`, `crypto`, `other` or `partition table`. */
  readonly usage?: string;
  readonly label?: string;
  readonly uuid?: string;
  /** More than one signature was found: which of them is alive cannot be told. */
  readonly ambivalent: boolean;
}

/**
 * Looks for a file system, RAID, LVM, crypto or partition table signature.
 * @throws {LibraryError} if libblkid cannot be loaded
 * @throws {SystemError} if the device cannot be opened or read
 */
export declare function probeSignature(path: string): Signature | undefined;
