// SPDX-License-Identifier: GPL-2.0-only
// A process of its own for tests: `take PATH FROM COUNT`, or `hold PATH`, which dies while it writes.
import { ENTRIES, snapshotAt } from "./fixture.ts";
import { openStore } from "./open.ts";

const [verb, path, from = "0", count = "0"] = Deno.args;
if (path === undefined) throw new Error("no path");
const say = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

if (verb === "take") {
  for (let at = 0; at < Number(count); at++) {
    using store = openStore(path, { create: true });
    const taken = await store.takeSnapshot(snapshotAt(Number(from) + at), { entries: ENTRIES });
    if ([...store.entries(taken.id)].length !== ENTRIES.length) throw new Error("not all there");
  }
  say("done");
} else if (verb === "hold") {
  const store = openStore(path, { create: true });
  await store.takeSnapshot(snapshotAt(-1), {
    entries: (async function* () {
      yield* ENTRIES;
      say("holding");
      // Until somebody kills it.
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    })(),
  });
}
