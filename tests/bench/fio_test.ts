// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { FioError, parseFio } from "./fio.ts";

const nothing = { total_ios: 0, clat_ns: { min: 0, max: 0, mean: 0, stddev: 0, N: 0 } };
const something = { total_ios: 20000, clat_ns: { min: 4000, max: 9000, mean: 4280.5, N: 20000 } };
const document = (job: object) => JSON.stringify({ "fio version": "fio-3.33", jobs: [job] });

Deno.test("the mean of the direction that ran", () => {
  const expected = { meanNs: 4280.5, shortestNs: 4000, count: 20000 };
  const text = document({ jobname: "x", error: 0, read: nothing, write: something });
  assert.deepEqual(parseFio(text, "write"), expected);
  assert.deepEqual(parseFio(`fio: a warning\n${text}`, "write"), expected);
  assert.throws(() => parseFio(text, "read"), FioError);
});

Deno.test("an error of the job, several jobs and noise are no results", () => {
  assert.throws(
    () => parseFio(document({ error: 5, read: something, write: nothing }), "read"),
    /error 5/,
  );
  assert.throws(() => parseFio(`{"jobs":[]}`, "read"), FioError);
  assert.throws(() => parseFio("", "read"), FioError);
  assert.throws(() => parseFio("fio: pid 12 died", "read"), FioError);
});
