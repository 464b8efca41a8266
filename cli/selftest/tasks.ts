// SPDX-License-Identifier: GPL-2.0-only
// Work that goes on beside other work.

/**
 * Waits for all of it to end, also when a part fails: nothing may go on behind the end of a case.
 * @throws what failed first in the list
 */
export async function together(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Starts the same; a failure waits until somebody asks. */
export function inBackground(work: readonly Promise<unknown>[]): Promise<void> {
  const all = together(work);
  all.catch(() => {});
  return all;
}
