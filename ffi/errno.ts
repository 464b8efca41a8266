// SPDX-License-Identifier: GPL-2.0-only
// Linux's error numbers, equal on x86-64, arm64 and riscv64.

/** The symbolic name of an error number, e.g. `errnoName(16) === "EBUSY"`. */
export declare function errnoName(errno: number): string;
/** What libc would say about it, e.g. `Device or resource busy`. */
export declare function errnoText(errno: number): string;
/** The number of a symbolic name; `undefined` for one that Linux does not have. */
export declare function errnoNumber(name: string): number | undefined;
