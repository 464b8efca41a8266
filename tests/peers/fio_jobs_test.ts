// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MAIN_SECTORS } from "../badblocks/layout.ts";
import { engineJobs, type Job, judgeRun, modeJobs, parseModes, regionOf } from "./fio_jobs.ts";

const HELP = `              verify: Verify data written
                type: string (opt=bla)
             default: 0
        valid values: 0          Don't do IO verification
                    : md5        Use md5 checksums for verification
                    : sha3-512   Use sha3-512 checksums for verification
                    : pattern    Verify strict pattern
                    : null       Pretend to verify

`;

Deno.test("all ways to verify are taken from fio itself, but for those that verify nothing", () => {
  assert.deepEqual(parseModes(HELP), ["md5", "sha3-512", "pattern"]);
});

Deno.test("jobs have parts of the disk that are their own, on whole blocks of it", () => {
  const modes = Array.from({ length: 17 }, (_, i) => `mode-${i}`);
  for (const unit of [1, 8]) {
    const jobs = [...modeJobs([...modes, "pattern"], unit, 2), ...engineJobs(unit)];
    let end = 0;
    for (const job of jobs) {
      const { first, count } = regionOf(job);
      assert.ok(first >= end, job.name);
      assert.equal(first % unit, 0);
      assert.equal(count % job.blockSectors, 0);
      end = first + count;
    }
    assert.ok(end <= MAIN_SECTORS);
  }
});

Deno.test("a job that has failed, or has not read back what it wrote, is told", () => {
  const job: Job = { name: "one", options: [], first: 0, count: 16, blockSectors: 8 };
  const report = (error: number, read: number, write = 8192) => ({
    jobs: [{ jobname: "one", error, read: { io_bytes: read }, write: { io_bytes: write } }],
  });
  assert.deepEqual(judgeRun(report(0, 8192), [job], false), []);
  assert.deepEqual(judgeRun(report(0, 8192, 0), [job], true), []);
  assert.deepEqual(judgeRun(report(84, 8192), [job], false), ["one: error 84, 0 in all"]);
  assert.deepEqual(judgeRun(report(0, 4096), [job], true), ["one: 4096 of 8192 bytes verified"]);
  assert.deepEqual(judgeRun(report(0, 8192, 0), [job], false), ["one: 0 of 8192 bytes verified"]);
  assert.deepEqual(judgeRun({ jobs: [] }, [job], false), ["one: not in the report"]);
  assert.deepEqual(judgeRun("nothing", [job], false), ["fio: no report"]);
});
