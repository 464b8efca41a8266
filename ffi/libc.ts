// SPDX-License-Identifier: GPL-2.0-only

/** The effective user, 0 for root. */
export declare function geteuid(): number;
