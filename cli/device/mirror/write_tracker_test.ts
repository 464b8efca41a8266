// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { ProtocolError } from "../errors.ts";
import { areasOf, areaSpan, countCpus, parseWrites, WriteTracker } from "./write_tracker.ts";

Deno.test("areas are as fine as memory allows, and cover the device", () => {
  assert.deepEqual(areasOf(204800, 2), { length: 204800, step: 128, count: 1600 });
  const large = areasOf(2 ** 33, 2);
  assert.equal(large.count, 65536);
  const wide = areasOf(2 ** 33, 1024);
  assert.ok(wide.count * (120 + 104 * 1024) <= 64 * 2 ** 20, `${wide.count} areas`);
  const odd = areasOf(1001, 1);
  assert.deepEqual(areaSpan(odd, odd.count - 1), { first: 896, end: 1001 });
});

Deno.test("processors are counted as sysfs lists them", () => {
  assert.deepEqual(["0", "0-1", "0,2-5", "0-255"].map(countCpus), [1, 2, 5, 256]);
});

/** A line as the kernel prints it: reads, merged, sectors, ms, then the same of writes. */
function line(first: number, writes: number): string {
  return `${first}+128 7 1 56 3 ${writes} 0 ${8 * writes} 2 0 9 11 3 8`;
}

Deno.test("writes are the fifth counter", () => {
  assert.deepEqual(parseWrites(`${line(0, 0)}\n${line(128, 12)}\n`), [0, 12]);
  assert.throws(() => parseWrites("0+128 7 1"), ProtocolError);
});

Deno.test("what has been written since the last look is told once", async () => {
  const counts = new Array<number>(600).fill(0);
  const sent: string[] = [];
  const message = (_name: string, _sector: bigint, text: string) => {
    sent.push(text);
    const [word, , from = "0", lines = "0"] = text.split(" ");
    if (word === "@stats_list") return Promise.resolve("3: 0+76800 128 dmremap-copy -\n");
    if (word === "@stats_create") return Promise.resolve("4");
    if (word !== "@stats_print") return Promise.resolve(undefined);
    const page = counts.slice(Number(from), Number(from) + Number(lines));
    return Promise.resolve(page.map((n, i) => `${line(128 * (Number(from) + i), n)}\n`).join(""));
  };
  const dm = { message } as unknown as DeviceMapper;
  {
    await using tracker = await WriteTracker.start(dm, "r0", areasOf(76800, 1));
    assert.deepEqual(sent.slice(1), ["@stats_delete 3", "@stats_create - 128 dmremap-copy"]);
    assert.deepEqual(await tracker.changed(), []);
    counts[0] = 1;
    counts[599] = 5;
    assert.deepEqual(await tracker.changed(), [{ first: 0, end: 128 }, {
      first: 76672,
      end: 76800,
    }]);
    assert.deepEqual(await tracker.changed(), []);
    counts[599] = 6;
    assert.equal((await tracker.changed()).length, 1);
  }
  assert.equal(sent.at(-1), "@stats_delete 4");
});
