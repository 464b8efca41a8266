// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseRescueMap } from "../lists/ddrescue.ts";
import { FakeMapper, runTool } from "./support/fake_mapper.ts";

const ENTRIES = "8 2 remapped 100\n10 1 lost 102\n20 1 pending\n204799 1 remapped 200";

/** A device whose table changes while it is read, so many times. */
function bench(changes = 0): FakeMapper {
  let asked = 0;
  return new FakeMapper({
    r0: {
      table: "4000:0 100 4000:16 0 102400",
      answer(message) {
        if (message === "stats") return `table_changes=${Math.min(changes, asked++)}`;
        return message === "entries 0 256" ? ENTRIES : "";
      },
    },
  });
}

async function list(...args: string[]): Promise<string> {
  const { code, out, err } = await runTool(["export", ...args], bench());
  assert.deepEqual([code, err], [0, ""]);
  return out;
}

Deno.test("badblocks: every block that is touched, once", async () => {
  assert.equal(await list("badblocks", "r0"), "4\n5\n10\n102399\n");
  assert.equal(await list("badblocks", "r0", "-", "--block-size", "4096"), "1\n2\n25599\n");
  assert.equal(await list("badblocks", "r0", "--block-size", "512", "--unreadable"), "10\n20\n");
});

Deno.test("positions may count from the start of main, or of something larger", async () => {
  const size = ["--block-size", "512", "--unreadable"];
  assert.equal(await list("badblocks", "r0", ...size, "--of-main"), "110\n120\n");
  assert.equal(await list("badblocks", "r0", ...size, "--list-offset", "2048"), "2058\n2068\n");
});

Deno.test("ddrescue: a map of the whole device that calls nothing rescued unasked", async () => {
  const text = await list("ddrescue", "r0", "--unreadable");
  const map = await parseRescueMap([text]);
  assert.deepEqual(map.blocks.map(({ start, state }) => `${start / 512n}${state}`), [
    ...["0?", "10-", "11?", "20-", "21?"],
  ]);
  assert.equal(map.blocks.reduce((sum, { length }) => sum + length, 0n), 204800n * 512n);
  assert.match(text, /^# Mapfile\. Created by dmremap-ts from r0\n/);
  const rescued = await parseRescueMap([await list("ddrescue", "r0", "--rescued", "--of-main")]);
  assert.deepEqual(rescued.blocks.map(({ start, state }) => `${start / 512n}${state}`), [
    ...["100+", "108-", "111+", "120-", "121+", "204899-"],
  ]);
});

Deno.test("--json shows the sectors", async () => {
  assert.deepEqual(JSON.parse(await list("badblocks", "r0", "--json", "--unreadable")), {
    schema_version: 1,
    name: "r0",
    format: "badblocks",
    block_size_bytes: 1024,
    areas: [
      { start_sectors: 10, length_sectors: 1 },
      { start_sectors: 20, length_sectors: 1 },
    ],
  });
  const ofMain = JSON.parse(await list("ddrescue", "r0", "--json", "--unreadable", "--of-main"));
  assert.deepEqual(ofMain.areas[0], { start_sectors: 110, length_sectors: 1 });
});

Deno.test("a file is written whole, and not over another one unasked", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const file = `${directory}/bad.txt`;
    const args = ["export", "badblocks", "r0", file];
    const first = await runTool(args, bench());
    assert.deepEqual([first.code, first.err], [0, ""]);
    assert.match(first.out, /bad\.txt: 5 sectors \(2\.5 KiB\) of r0 in 3 areas\n$/);
    assert.equal(await Deno.readTextFile(file), "4\n5\n10\n102399\n");
    const again = await runTool([...args, "--block-size", "4096"], bench());
    assert.equal(again.code, 1);
    assert.match(again.err, /exists already/);
    assert.equal(await Deno.readTextFile(file), "4\n5\n10\n102399\n");
    const forced = await runTool([...args, "--block-size", "4096", "--force"], bench());
    assert.equal(forced.code, 0);
    assert.equal(await Deno.readTextFile(file), "1\n2\n25599\n");
    for (const other of [directory, "/dev/null"]) {
      const refused = await runTool(["export", "badblocks", "r0", other, "--force"], bench());
      assert.deepEqual([refused.code, refused.out], [1, ""]);
      assert.match(refused.err, /is no file/);
    }
    const dry = await runTool(["export", "badblocks", "r0", `${file}2`, "-n"], bench());
    assert.equal(dry.code, 0);
    const nowhere = await runTool(["export", "badblocks", "r0", `${directory}/a/b`], bench());
    assert.equal(nowhere.code, 1);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["bad.txt"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("the list is of one moment: a table that changed is read again", async () => {
  const mapper = bench(3);
  const { code } = await runTool(["export", "badblocks", "r0"], mapper);
  assert.equal(code, 0);
  assert.equal(mapper.messages.filter((message) => message === "entries 0 256").length, 3);
  const restless = await runTool(["export", "badblocks", "r0"], bench(1e9));
  assert.equal(restless.code, 5);
  assert.equal(restless.out, "");
});
