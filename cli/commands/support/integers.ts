// SPDX-License-Identifier: GPL-2.0-only
// Option values that are whole numbers.
import { InvalidArgumentError } from "@commander-js/extra-typings";

/** A parser for an option's value: a whole number within bounds. */
export function wholeNumber(
  { min = 0n, max = 2n ** 64n - 1n }: { readonly min?: bigint; readonly max?: bigint } = {},
): (text: string) => bigint {
  return (text) => {
    if (!/^(0|[1-9]\d{0,19})$/.test(text)) {
      throw new InvalidArgumentError("Give a whole number in digits.");
    }
    const value = BigInt(text);
    if (value < min || value > max) {
      throw new InvalidArgumentError(`Give a number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A number of 512-byte sectors. */
export const sectorNumber: (text: string) => bigint = wholeNumber({ max: 2n ** 55n - 1n });
