// SPDX-License-Identifier: GPL-2.0-only
import { LibraryError } from "./errors.ts";

/**
 * Opens the first of `names` that loads, and leaves it open for good: a call after closing a library
 * is not caught by anything, and calls may still be under way on other threads.
 * @throws {LibraryError}
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  packageName: string,
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] {
  let cause: unknown;
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch (error) {
      // The first failure tells most: the other names are second choices.
      cause ??= error;
    }
  }
  throw new LibraryError(names[0] ?? "", packageName, { cause });
}
