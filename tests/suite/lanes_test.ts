// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Job, nextJob, runInLanes } from "./lanes.ts";

const job = (name: string, cores = 1, after: string[] = []): Job => ({ name, cores, after });

Deno.test("the first that fits starts, and none before those that it needs", () => {
  const jobs = [job("b", 1, ["a"]), job("heavy", 2), job("c")];
  assert.equal(nextJob(jobs, [job("a")], 2)?.name, "c");
  assert.equal(nextJob(jobs, [], 2)?.name, "b", "a is nowhere, so it is not waited for");
  assert.equal(nextJob([job("heavy", 2)], [job("a")], 2), undefined);
  assert.equal(nextJob([job("huge", 9)], [], 2)?.name, "huge", "alone it may");
});

Deno.test("jobs that wait for each other are an error, not a hang", async () => {
  const jobs = [job("a", 1, ["b"]), job("b", 1, ["a"])];
  await assert.rejects(runInLanes(jobs, 2, () => Promise.resolve()), /waits for another: a,b/);
});

Deno.test("all run once, in their order, and never too many at once", async () => {
  const anyJobs = fc.array(
    fc.record({ cores: fc.integer({ min: 1, max: 3 }), needs: fc.array(fc.nat(20)) }),
    { maxLength: 20 },
  ).map((list) =>
    list.map(({ cores, needs }, at) =>
      job(`${at}`, cores, needs.filter((need) => need < at).map(String))
    )
  );
  await fc.assert(fc.asyncProperty(anyJobs, async (jobs) => {
    const ended = new Set<string>();
    const running = new Set<Job>();
    const names = await runInLanes(jobs, 2, async (each) => {
      assert.ok(each.after.every((name) => ended.has(name)));
      running.add(each);
      const busy = [...running].reduce((sum, { cores }) => sum + cores, 0);
      assert.ok(running.size === 1 || busy <= 2);
      await Promise.resolve();
      running.delete(each);
      ended.add(each.name);
      return each.name;
    });
    assert.deepEqual(names.toSorted(), jobs.map(({ name }) => name).toSorted());
  }));
});
