// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { Command } from "@commander-js/extra-typings";
import { snapshotAt, TestFolder } from "../store/fixture.ts";
import { openStore } from "../store/open.ts";
import { addKeepOptions, type KeepOptions, policyOf, prune } from "./snapshot_keep.ts";

/** What the options of a command line come to. */
function policy(...words: string[]) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addKeepOptions(command);
  command.parse(words, { from: "user" });
  return policyOf(command.opts() as KeepOptions);
}

Deno.test("each option is the rule of its name", () => {
  for (const kind of ["last", "hourly", "daily", "weekly", "monthly", "yearly"]) {
    assert.deepEqual(policy(`--keep-${kind}`, "3"), { [kind]: 3 });
    assert.deepEqual(policy(`--keep-${kind}`, "unlimited"), { [kind]: Infinity });
    for (const wrong of ["0", "-1", "1.5", "all", ""]) {
      assert.throws(() => policy(`--keep-${kind}`, wrong), /Give a whole number/, wrong);
    }
  }
  const within = { years: 1, months: 6, days: 0, hours: 0 };
  assert.deepEqual(policy("--keep-within", "1y6m"), { within });
  assert.throws(() => policy("--keep-within", "soon"), /such as 1y6m/);
  assert.deepEqual(policy("--keep-last", "2", "--keep-yearly", "5"), { last: 2, yearly: 5 });
  assert.equal(policy(), undefined);
});

Deno.test("what a rule keeps is left in the store, of other devices everything", async () => {
  using folder = new TestFolder();
  using store = openStore(folder.file(), { create: true });
  const { device } = snapshotAt(0);
  const other = { ...device, name: "r1", uuid: crypto.randomUUID(), mainId: "serial:1" };
  for (const minutes of [0, 60, 120]) {
    await store.takeSnapshot(snapshotAt(minutes), { entries: [] });
    await store.takeSnapshot(snapshotAt(minutes, { device: other }), { entries: [] });
  }
  const ids = () => store.heads().map(({ id }) => id);
  const within = { years: 0, months: 0, days: 0, hours: 2 };
  const planned = prune(store, { within }, { name: "r1" }, true);
  assert.deepEqual(planned.remove.map(({ id }) => id), [2]);
  assert.deepEqual(ids(), [1, 2, 3, 4, 5, 6], "a dry run");
  prune(store, { within }, { name: "r1" }, false);
  assert.deepEqual(ids(), [1, 3, 4, 5, 6]);
  prune(store, { last: 1 }, { name: "r0" }, false);
  assert.deepEqual(ids(), [4, 5, 6]);
});
