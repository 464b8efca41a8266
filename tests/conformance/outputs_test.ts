// SPDX-License-Identifier: GPL-2.0-only
// What the commands that need no device say, and where: into pipes, full disks, closed streams and
// terminals, in each of the units, and as JSON; and that a dry run does nothing.
import assert from "node:assert/strict";
import { findProgram } from "../../cli/kmod/process.ts";
import { documented } from "./contract.ts";
import { Folder } from "./folder.ts";
import {
  eachOf,
  leafCommands,
  needsDeviceMapper,
  quote,
  runHere,
  runWords,
  toolWords,
  typed,
} from "./tool.ts";
import { deeds, placed } from "./typical.ts";

const here = leafCommands().filter((command) => !needsDeviceMapper(command));
const DEEDS = deeds(here);
const named = (words: readonly string[]) => words.join(" ");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Names of files that are not what they were. */
  readonly changes: readonly string[];
}

/** Runs it on files of its own. */
async function alone(
  run: (words: string[]) => Promise<{ code: number; stdout: string; stderr: string }>,
  deed: readonly string[],
): Promise<Outcome> {
  await using folder = await Folder.make();
  const result = await run(placed(deed, folder));
  assert.deepEqual(folder.leftovers(), []);
  return { ...result, changes: folder.changes() };
}

const usual = new Map<string, Promise<Outcome>>();

/** As it goes when nothing is in its way. */
function usually(deed: readonly string[]): Promise<Outcome> {
  const known = usual.get(named(deed));
  if (known !== undefined) return known;
  const outcome = alone(runHere, deed);
  usual.set(named(deed), outcome);
  return outcome;
}

Deno.test("everything that is tried here does what it should", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const { code, stderr } = await usually(deed);
    const found = NEWS[deed.slice(0, 2).join(" ")] ?? [0];
    assert.ok(found.includes(code), `${code}: ${stderr}`);
  });
});

/** The snapshot has pending sectors, and machines may lack a module or a device mapper. */
const NEWS: Readonly<Record<string, readonly number[]>> = {
  "snapshot take": [3],
  "snapshot restore": [0, 3],
  "kmod status": [0, 6],
  "doctor": [0, 1, 6],
};

Deno.test("--json: one document, as its schema has it", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const { code, stdout } = await alone(runHere, [...deed, "--json"]);
    assert.equal(code, (await usually(deed)).code);
    assert.notEqual(stdout, "");
  });
  await t.step("of every command that is tried here", () => {
    const missing = here.map(typed).filter((command) => !documented.has(command));
    assert.deepEqual(missing, []);
  });
});

Deno.test("--units: sectors, bytes, and nothing else in between", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    for (
      const [units, foreign] of [["s", /\d [KMGT]iB\b|\d B\b/], ["b", /\d [KMGT]iB\b/]] as const
    ) {
      const { code, stdout, stderr } = await alone(runHere, [...deed, "--units", units]);
      assert.equal(code, (await usually(deed)).code);
      // Those print texts that were written long before.
      if (["man", "completion"].includes(deed[0]!)) continue;
      assert.doesNotMatch(`${stdout}${stderr}`, foreign, units);
    }
  });
});

Deno.test("--quiet: results, and no words about what was done", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const { code, stdout, stderr, changes } = await alone(runHere, [...deed, "--quiet"]);
    const loud = await usually(deed);
    assert.deepEqual([code, changes], [loud.code, loud.changes]);
    if (stdout !== "") assert.equal(sameWithoutTimes(stdout), sameWithoutTimes(loud.stdout));
    for (const line of stderr.split("\n")) assert.match(line, /^(|warning: .*|error: .*| {2}.*)$/);
  });
});

/** Each run has a folder of its own; times and random numbers are of no interest. */
function sameWithoutTimes(text: string): string {
  return text.replaceAll(/dmremap-conformance-[0-9a-f]+/g, "FOLDER")
    .replaceAll(/\d+:\d+:\d+/g, "TIME").replaceAll(
      /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
      "",
    );
}

Deno.test("--dry-run changes nothing, and asks nothing", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const words = deed.filter((word) => !["--yes", "--dry-run"].includes(word));
    const { code, changes, stdout } = await alone(runHere, [...words, "--dry-run", "--json"]);
    assert.deepEqual(changes, []);
    assert.ok([0, 3, 6].includes(code), `exit code ${code}`);
    assert.notEqual(stdout, "");
    if ((await usually(deed)).changes.length === 0) return;
    assert.equal(JSON.parse(stdout).dry_run, true, "it does not say that this is a plan");
  });
});

Deno.test("without a terminal and --yes nothing is written over", async (t) => {
  const asking = DEEDS.filter((deed) => deed.includes("--yes") && !deed.includes("--dry-run"));
  await eachOf(t, asking, named, async (deed) => {
    const words = deed.filter((word) => word !== "--yes");
    const { code, changes, stderr } = await alone(runHere, words);
    // What makes a new file, or fills an empty one, takes nothing away.
    if (code === 0 || code === 3) {
      assert.ok(["new", "blank"].includes(changes.join()), changes.join());
      return;
    }
    assert.deepEqual([code, changes], [2, []]);
    assert.match(stderr, /give --yes/);
  });
});

/** In a shell, whose words follow the program. */
const inShell = (after: string) => (words: string[]) =>
  runWords(["sh", "-c", `{ ${quote([...toolWords(), ...words])} ${after}`]);

Deno.test("a full disk behind stdout is a failure that says so", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const loud = await usually(deed);
    const { code, stderr } = await alone(inShell("; } >/dev/full"), deed);
    if (loud.stdout === "") return assert.equal(code, loud.code);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: cannot write to stdout\n {2}why: .*No space left/m);
    assert.doesNotMatch(stderr, /\n {4}at /);
  });
});

Deno.test("a reader that goes away is no failure", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const { stderr } = await alone(inShell('; echo "code $?" >&2; } | true'), deed);
    const code = Number(/^code (\d+)$/m.exec(stderr)?.[1]);
    const loud = await usually(deed);
    // Nobody waits for the rest: what has not been found by then does not count.
    assert.ok([0, loud.code].includes(code), stderr);
    assert.doesNotMatch(stderr, /^error|\n {4}at /m);
  });
});

Deno.test("closed streams are not taken for files", async (t) => {
  await eachOf(t, DEEDS, named, async (deed) => {
    const loud = await usually(deed);
    const { code, changes } = await alone(inShell("; } <&- >&- 2>&-"), deed);
    assert.ok([loud.code, 1].includes(code), `exit code ${code}`);
    assert.deepEqual(changes, loud.changes);
  });
});

Deno.test({
  name: "on a terminal: the same words, and with NO_COLOR nothing but words",
  ignore: findProgram("script") === undefined,
  fn: async (t) => {
    const onTerminal = (words: string[]) =>
      runWords(
        [
          "script",
          "--quiet",
          "--return",
          "--command",
          quote([...toolWords(), ...words]),
          "/dev/null",
        ],
        { env: { NO_COLOR: "1" } },
      );
    await eachOf(t, DEEDS, named, async (deed) => {
      const loud = await usually(deed);
      const { code, stdout, changes } = await alone(onTerminal, deed);
      assert.deepEqual([code, changes], [loud.code, loud.changes]);
      // A progress line moves the cursor, and that is all.
      const colours = stdout.split("\x1b[").slice(1).filter((after) => /^[\d;]*m/.test(after));
      assert.deepEqual(colours, []);
      assert.doesNotMatch(stdout, /cache|deno/i);
    });
  },
});
