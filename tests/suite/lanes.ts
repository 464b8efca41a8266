// SPDX-License-Identifier: GPL-2.0-only

/** Something that takes a part of the machine, and may need others to have ended. */
export interface Job {
  readonly name: string;
  /** CPUs that it keeps busy by itself. */
  readonly cores: number;
  /** Names of jobs that have to end before it. Who is not among the jobs is not waited for. */
  readonly after: readonly string[];
}

/** The first job, in the order given, that may start beside the running ones. */
export function nextJob<T extends Job>(
  waiting: readonly T[],
  running: readonly Job[],
  cores: number,
): T | undefined {
  const busy = running.reduce((sum, job) => sum + job.cores, 0);
  const unfinished = new Set([...waiting, ...running].map(({ name }) => name));
  return waiting.find((job) =>
    (running.length === 0 || busy + job.cores <= cores) &&
    job.after.every((name) => !unfinished.has(name))
  );
}

/** Runs all jobs, as many at once as there are cores for, and gives what came of each, as they end. */
export async function runInLanes<T extends Job, R>(
  jobs: readonly T[],
  cores: number,
  run: (job: T) => Promise<R>,
): Promise<R[]> {
  const waiting = [...jobs];
  const running = new Map<T, Promise<void>>();
  const results: R[] = [];
  while (waiting.length > 0 || running.size > 0) {
    const job = nextJob(waiting, [...running.keys()], cores);
    if (job !== undefined) {
      waiting.splice(waiting.indexOf(job), 1);
      running.set(
        job,
        run(job).then((result) => {
          results.push(result);
          running.delete(job);
        }),
      );
      continue;
    }
    if (running.size === 0) {
      throw new Error(`each of these waits for another: ${waiting.map(({ name }) => name)}`);
    }
    await Promise.race(running.values());
  }
  return results;
}
