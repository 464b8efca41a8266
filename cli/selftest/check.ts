// SPDX-License-Identifier: GPL-2.0-only
// Assertions that say what was expected and what was seen.

/** Something is not as it has to be. */
export class CheckError extends Error {
  override readonly name = "CheckError";

  constructor(
    readonly what: string,
    readonly expected: string,
    readonly seen: string,
    options?: ErrorOptions,
  ) {
    super(`${what}\n  expected: ${expected}\n  seen:     ${seen}`, options);
  }
}

/** Equality by value for what can be written as JSON, and for bigint. */
export function checkEqual<T>(what: string, seen: T, expected: T): void {
  const [seenText, expectedText] = [show(seen), show(expected)];
  if (seenText !== expectedText) throw new CheckError(what, expectedText, seenText);
}

export function checkMatch(what: string, seen: string, pattern: RegExp): RegExpExecArray {
  const match = pattern.exec(seen);
  if (match === null) throw new CheckError(what, `text like ${pattern}`, show(seen));
  return match;
}

/** For conditions that are no equality; `expected` says the condition in words. */
export function check(
  what: string,
  holds: boolean,
  { expected, seen }: { readonly expected: string; readonly seen: unknown },
): void {
  if (!holds) throw new CheckError(what, expected, show(seen));
}

/** The error that an action fails with; it has to fail, and with an errno of this name. */
export async function checkFails(
  what: string,
  code: string,
  action: () => Promise<unknown>,
): Promise<Error> {
  let result: unknown;
  try {
    result = await action();
  } catch (error) {
    const seen = codeOf(error);
    if (error instanceof Error && seen === code) return error;
    throw new CheckError(what, code, seen ?? show(messageOf(error)), { cause: error });
  }
  throw new CheckError(what, code, `success${result === undefined ? "" : `: ${show(result)}`}`);
}

/** The name of the errno that an error of the ffi layer carries. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const LONGEST = 2000;

/** A value as text: strings in quotes, bigint as digits, maps as objects. */
export function show(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    return part instanceof Map ? Object.fromEntries(part) : part;
  }) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}... (${text.length} characters)` : text;
}
