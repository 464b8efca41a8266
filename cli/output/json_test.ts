// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { toJson } from "./json.ts";

Deno.test("schema_version comes first", () => {
  assert.equal(toJson({ a: 1n }), '{"schema_version":1,"a":1}');
});

Deno.test("integers are numbers up to 2^53 and strings above", () => {
  assert.equal(toJson({ a: 2n ** 53n }), '{"schema_version":1,"a":9007199254740992}');
  assert.equal(toJson({ a: 2n ** 53n + 1n }), '{"schema_version":1,"a":"9007199254740993"}');
  assert.equal(toJson({ a: -(2n ** 60n) }), '{"schema_version":1,"a":"-1152921504606846976"}');
});

Deno.test("absent fields are left out, nested ones are converted too", () => {
  assert.equal(
    toJson({ a: undefined, list: [{ start_sectors: 5n }] }),
    '{"schema_version":1,"list":[{"start_sectors":5}]}',
  );
});
