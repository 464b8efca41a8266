// SPDX-License-Identifier: GPL-2.0-only
// Ctrl-C at any moment: the exit code is 130, what was to be written is as before or whole, and
// nothing lies about. In this process the moments are the turns of its event loop, which are all
// moments at which a program in JavaScript hears of a signal; they are gone through one by one.
// Real signals, terminals and programs that wait for somebody are below.
import assert from "node:assert/strict";
import { findProgram } from "../../cli/kmod/process.ts";
import { Folder } from "./folder.ts";
import { eachOf, leafCommands, needsDeviceMapper, quote, runHere, toolWords } from "./tool.ts";
import { deeds, placed } from "./typical.ts";

const DEEDS = deeds(leafCommands().filter((command) => !needsDeviceMapper(command)));

/** Turns after which it is interrupted, until nothing is left to be interrupted. */
const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 32, 64, 128, 256, 512];

Deno.test("an interrupt at any moment leaves the old or the new", async (t) => {
  await eachOf(t, DEEDS, (words) => words.join(" "), async (deed) => {
    await using folder = await Folder.make();
    const words = placed(deed, folder);
    const whole = await runHere(words);
    const made = folder.changes();
    let finished = false;
    for (const moment of MOMENTS) {
      if (finished) break;
      await folder.restore();
      const interrupt = new AbortController();
      let ended = false;
      const work = runHere(words, interrupt.signal).finally(() => ended = true);
      for (let turn = 0; turn < moment && !ended; turn++) {
        await new Promise((resolve) => setTimeout(resolve));
      }
      finished = ended;
      interrupt.abort(new Error("got SIGINT"));
      const { code, stderr } = await work;
      const changes = folder.changes();
      const said = `interrupted after ${moment} turns: ${code}: ${stderr}`;
      assert.deepEqual(folder.leftovers(), [], said);
      assert.ok([130, whole.code].includes(code), said);
      if (code === 130) await checkState(folder, deed, changes, made, said);
      else assert.deepEqual(changes, made, said);
    }
    assert.ok(finished, "it never came to its end");
  });
});

/** The old, or the new, or what is refused until the same command has been run again. */
async function checkState(
  folder: Folder,
  deed: readonly string[],
  changes: readonly string[],
  made: readonly string[],
  said: string,
): Promise<void> {
  const several = ["deploy", "man"].includes(deed[0]!);
  const some = changes.every((name) => made.includes(name));
  assert.ok(several ? some : [0, made.length].includes(changes.length) && some, said);
  const spare = changes.find((name) => ["new", "blank", "one-broken"].includes(name));
  if (spare !== undefined && !deed.includes("export")) {
    const { code, stdout } = await runHere(["meta", "check", folder.at(spare), "--json"]);
    const isRefused = deed[1] === "restore" && code === 4;
    assert.ok(code === 0 || isRefused, `${said}: ${stdout}`);
  }
  const again = await runHere(placed(deed, folder));
  assert.notEqual(again.code, 130);
  const failed = ![0, 3, 6].includes(again.code);
  // What is there already is not written over; then it is what was asked for.
  assert.ok(!failed || changes.length > 0, `${said}: run again: ${again.stderr}`);
}

interface Running extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  /** Writes what somebody would type. */
  type(text: string): Promise<void>;
  /** Waits until it has said this. */
  said(text: string | RegExp): Promise<void>;
  ended(): Promise<{ readonly code: number; readonly output: string }>;
}

/** Starts a program whose stdin stays open. */
function start(words: readonly string[], env: Record<string, string> = {}): Running {
  const [program = "", ...args] = words;
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { TERM: "xterm", ...env },
  }).spawn();
  let output = "";
  const reading = Promise.all([child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  }));
  const stdin = child.stdin.getWriter();
  return {
    child,
    type: (text) => stdin.write(new TextEncoder().encode(text)),
    async said(text) {
      while (output.search(text) < 0) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    async ended() {
      const { code } = await child.status;
      await stdin.close().catch(() => undefined);
      await reading;
      return { code, output };
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    },
  };
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

for (const signal of SIGNALS) {
  Deno.test(`${signal} while a backup waits for its turn`, async () => {
    await using folder = await Folder.make();
    const args = ["backup", "--jitter", "86400", "--verbose", "--store", folder.at("new")];
    await using running = start([...toolWords(), ...args]);
    await running.said("waiting for");
    running.child.kill(signal);
    const { code, output } = await running.ended();
    assert.equal(code, 130, output);
    assert.deepEqual(folder.changes(), []);
  });

  Deno.test(`${signal} while somebody types the text of a table`, async () => {
    await using folder = await Folder.make();
    const args = ["meta", "restore", folder.at("blank"), "--input", "-", "--yes"];
    await using running = start([...toolWords(), ...args]);
    // Nothing tells that it reads; whenever the signal comes, the result is the same.
    await running.type(await Deno.readTextFile(folder.at("table.txt")));
    await new Promise((resolve) => setTimeout(resolve, 500));
    running.child.kill(signal);
    const { code, output } = await running.ended();
    assert.equal(code, 130, output);
    assert.deepEqual(folder.changes(), []);
  });

  Deno.test({
    name: `${signal} while the compiler is at work`,
    ignore: findProgram("make") === undefined || findProgram("gcc") === undefined,
    fn: async () => {
      await using folder = await Folder.make();
      const recipe = `modules:\n\t@touch ${folder.at("begun")}; exec sleep 60\n`;
      await Deno.writeTextFile(folder.at("headers/Makefile"), recipe);
      await Deno.mkdir(folder.at("tmp"));
      await Deno.mkdir(folder.at("out"));
      await Deno.writeTextFile(folder.at("out/dm-remap.ko"), "the old one");
      await Deno.writeTextFile(folder.at("begun"), "");
      folder.remember();
      await Deno.remove(folder.at("begun"));
      const args = ["kmod", "build", "--release", "none", "--kdir", folder.at("headers")];
      const env = { TMPDIR: folder.at("tmp") };
      await using running = start([...toolWords(), ...args, "--output", folder.at("out")], env);
      while (!(await exists(folder.at("begun")))) await new Promise((go) => setTimeout(go, 50));
      running.child.kill(signal);
      const { code, output } = await running.ended();
      assert.equal(code, 130, output);
      assert.deepEqual(folder.changes(), []);
    },
  });
}

const ANSWERS = [["y\n", 0], ["n\n", 1], ["\n", 1], ["\x03", 130]] as const;

Deno.test({
  name: "the question on a terminal: yes, no, nothing, and Ctrl-C",
  ignore: findProgram("script") === undefined,
  fn: async (t) => {
    const name = ([typed]: typeof ANSWERS[number]) => JSON.stringify(typed);
    await eachOf(t, ANSWERS, name, async ([typed, expected]) => {
      await using folder = await Folder.make();
      const words = quote([
        ...toolWords(),
        "meta",
        "repair",
        folder.at("one-broken"),
        "--in-place",
      ]);
      await using running = start([
        ...["script", "--quiet", "--return", "--command", words, "/dev/null"],
      ]);
      await running.said("Go on?");
      await running.type(typed);
      const { code, output } = await running.ended();
      assert.equal(code, expected, output);
      assert.deepEqual(folder.changes(), expected === 0 ? ["one-broken"] : []);
    });
  },
});

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
