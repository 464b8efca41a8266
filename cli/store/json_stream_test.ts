// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import fc from "fast-check";
import { JsonObjectStream, JsonStreamError } from "./json_stream.ts";

function pieces(text: string, size: number): string[] {
  return Array.from(
    { length: Math.ceil(text.length / size) },
    (_, at) => text.slice(at * size, (at + 1) * size),
  );
}

/** Reads it all; the values of keys that begin with an l are read as lists. */
function read(chunks: Iterable<string>): Record<string, unknown> {
  const stream = new JsonObjectStream(chunks);
  const entries: [string, unknown][] = [];
  for (let key = stream.nextKey(); key !== undefined; key = stream.nextKey()) {
    entries.push([key, key.startsWith("l") ? [...stream.elements()] : stream.value()]);
  }
  return Object.fromEntries(entries);
}

Deno.test("any object comes through, however it is cut and indented", () => {
  const value = fc.jsonValue();
  const object = fc.dictionary(fc.string(), value).map((fields) =>
    Object.fromEntries(Object.entries(fields).filter(([key]) => !key.startsWith("l")))
  );
  const all = fc.tuple(object, fc.array(value), fc.constantFrom(0, 1, "\t"), fc.nat({ max: 20 }));
  fc.assert(fc.property(all, ([fields, list, indent, size]) => {
    const text = JSON.stringify({ ...fields, list }, null, indent);
    assert.deepEqual(read(pieces(text, size + 1)), JSON.parse(text));
  }));
});

Deno.test("values can be gone over", () => {
  const stream = new JsonObjectStream(['{"a":[1,{"b":"]"}],"c":{"d":["}"]},"e":"\\\\","f":1}']);
  const keys: string[] = [];
  for (let key = stream.nextKey(); key !== undefined; key = stream.nextKey()) {
    keys.push(key);
    stream.skipValue();
  }
  assert.deepEqual(keys, ["a", "c", "e", "f"]);
});

Deno.test("what is no object, not whole, or has more behind it is refused", () => {
  const texts = [
    "",
    " ",
    "[]",
    "1",
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{"a":tru}',
    '{"a":01}',
    "{a:1}",
    "{1:1}",
    '{"a":1}}',
    '{"a":1} x',
    '{"a":"',
    '{"a":"\\"}',
    '{"a":[1}',
    '{"a":[1}]}',
    '{"l":[1,]}',
    '{"l":[1',
    '{"l":1}',
    '{"l":[1 2]}',
  ];
  for (const text of texts) {
    for (const size of [1, 100]) {
      assert.throws(() => read(pieces(text, size)), JsonStreamError, text);
    }
  }
});

Deno.test("a list may be longer than memory, a value may not", () => {
  function* list() {
    yield '{"list":[';
    for (let at = 0; at < 20_000; at++) yield `${at === 0 ? "" : ","}"${"x".repeat(100)}"`;
    yield "]}";
  }
  const stream = new JsonObjectStream(list());
  stream.nextKey();
  let count = 0;
  for (const element of stream.elements()) count += (element as string).length;
  assert.equal(count, 2_000_000);
  function* endless() {
    yield '{"a":"';
    for (;;) yield "x".repeat(1000);
  }
  assert.throws(() => read(endless()), /too long/);
});
