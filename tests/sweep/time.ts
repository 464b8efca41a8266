// SPDX-License-Identifier: GPL-2.0-only

/** Something did not come to its end. */
export class HangError extends Error {
  override readonly name = "HangError";
}

const PATIENCE_SECONDS = 120;

/** @throws {HangError} if it does not settle */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new HangError(`${what} has not ended after ${PATIENCE_SECONDS} s`)),
    PATIENCE_SECONDS * 1000,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function milliseconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count));
}
