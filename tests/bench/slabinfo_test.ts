// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseSlabinfo, slabBytes } from "./slabinfo.ts";

const TEXT = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit>
maple_node_two       10     16    128   32    1 : tunables    0    0    0 : slabdata      1      1
maple_node        12000  12288    256   16    1 : tunables    0    0    0 : slabdata    768    768
broken             12 x
`;

Deno.test("a cache is found by its whole name, and its slabs count, used or not", () => {
  const cache = parseSlabinfo(TEXT, "maple_node");
  assert.deepEqual(cache, { activeObjects: 12000, objects: 12288, objectBytes: 256 });
  assert.equal(cache && slabBytes(cache), 12288 * 256);
});

Deno.test("a cache that is not there, or not readable, is undefined", () => {
  assert.equal(parseSlabinfo(TEXT, "maple"), undefined);
  assert.equal(parseSlabinfo(TEXT, "broken"), undefined);
  assert.equal(parseSlabinfo("", "maple_node"), undefined);
});
