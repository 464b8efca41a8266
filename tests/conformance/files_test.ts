// SPDX-License-Identifier: GPL-2.0-only
// Files that are not what they should be, wherever a command takes one: whatever is wrong, a command
// that fails has changed nothing, and one that does not leaves nothing lying about.
import assert from "node:assert/strict";
import { Folder, WRONG } from "./folder.ts";
import { checkContract } from "./contract.ts";
import {
  eachOf,
  errorOf,
  leafCommands,
  needsDeviceMapper,
  runHere,
  runWords,
  typed,
} from "./tool.ts";
import { type FilePlace, filePlaces, typicalArguments } from "./typical.ts";

const places = filePlaces(leafCommands().filter((command) => !needsDeviceMapper(command)));

Deno.test("a wrong file in any place", async (t) => {
  await eachOf(t, places, ({ command, name }) => `${typed(command)} ${name}`, async (place) => {
    await using folder = await Folder.make();
    for (const kind of WRONG) {
      const value = folder.at(kind);
      const args = typicalArguments(place.command, folder, { name: place.name, value });
      const { code, stdout, stderr } = await runHere([...args, "--json"]);
      const said = `${args.join(" ")}: ${code}: ${stdout.slice(0, 300)}${stderr}`;
      assert.deepEqual(folder.leftovers(), [], said);
      if (code === 0 || code === 3) await folder.restore();
      else assert.deepEqual(folder.changes(), [], said);
    }
  });
});

/** Images, and the exit codes with which commands have to answer to them. */
const IMAGES = ["good", "one-broken", "both-broken", "headless", "cut", "noise", "page", "empty"];
const ANSWERS: readonly (readonly [words: readonly string[], codes: readonly number[]])[] = [
  [["meta", "check", "IMAGE"], [0, 0, 4, 4, 4, 4, 4, 4]],
  [["meta", "dump", "IMAGE"], [0, 0, 4, 4, 4, 4, 4, 4]],
  // A superblock whose checksum alone is wrong is believed if all the rest fits.
  [["meta", "repair", "IMAGE", "--output", "NEW", "--yes"], [0, 0, 0, 4, 4, 4, 4, 4]],
  [["meta", "repair", "IMAGE", "--in-place", "--yes"], [0, 0, 0, 4, 4, 4, 4, 4]],
  [["snapshot", "take", "--offline", "IMAGE", "--store", "STORE"], [3, 3, 4, 4, 4, 4, 4, 4]],
];

Deno.test("images that are damaged in several ways", async (t) => {
  const pairs = ANSWERS.flatMap(([words, codes]) =>
    IMAGES.map((image, index) => ({ words, image, code: codes[index]! }))
  );
  const name = ({ words, image }: typeof pairs[number]) =>
    `${words.filter((word) => /^[a-z-]+$/.test(word)).join(" ")}: ${image}`;
  await eachOf(t, pairs, name, async ({ words, image, code }) => {
    await using folder = await Folder.make();
    const named: Record<string, string> = { IMAGE: image, NEW: "new", STORE: "store" };
    const args = words.map((word) => named[word] === undefined ? word : folder.at(named[word]));
    const result = await runHere([...args, "--json"]);
    assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
    if (code !== 0 && code !== 3) assert.deepEqual(folder.changes(), []);
    if (words[1] === "repair" && code === 0) {
      const repaired = folder.at(words.includes("NEW") ? "new" : image);
      assert.equal((await runHere(["meta", "check", repaired])).code, 0);
    }
  });
});

/** What becomes of an export that was changed: of a number, of a name, of its length. */
const CHANGES: Readonly<Record<string, readonly [from: RegExp, to: string]>> = {
  "cut short": [/"bad_slots".*/s, ""],
  "another number": [/"start_sectors":100,/, '"start_sectors":99,'],
  "another name": [/"device":"r0"/, '"device":"r1"'],
};

Deno.test("exports and stores that were changed", async (t) => {
  for (const [name, [from, to]] of Object.entries(CHANGES)) {
    await t.step(name, async () => {
      await using folder = await Folder.make();
      const file = folder.at("snapshot.json");
      const before = await Deno.readTextFile(file);
      await Deno.writeTextFile(file, before.replace(from, to));
      assert.notEqual(await Deno.readTextFile(file), before);
      folder.remember();
      const args = ["snapshot", "import", file, "--store", folder.at("store"), "--json"];
      const result = await runHere(args);
      assert.deepEqual([result.code, errorOf(result)["code"]], [4, "import-damaged"]);
      assert.deepEqual(await idsIn(folder), [1, 2]);
    });
  }
  await t.step("a store whose head was overwritten", async () => {
    await using folder = await Folder.make();
    const store = folder.at("store");
    await Deno.writeFile(store, (await Deno.readFile(store)).fill(0x55, 20, 4000));
    folder.remember();
    for (const words of [["list"], ["show", "1"], ["export", "1", folder.at("new")], ["check"]]) {
      const result = await runHere(["snapshot", ...words, "--store", store, "--json"]);
      assert.equal(result.code, 4, `${words.join(" ")}: ${result.stderr}`);
      assert.deepEqual(folder.changes(), []);
    }
  });
});

async function idsIn(folder: Folder): Promise<unknown[]> {
  const { stdout } = await runHere(["snapshot", "list", "--store", folder.at("store"), "--json"]);
  return JSON.parse(stdout).snapshots.map(({ id }: { id: unknown }) => id);
}

Deno.test({
  name: "a file that this user may not read",
  ignore: Deno.uid() !== 0 || (Deno.env.get("DMREMAP_BIN") ?? "") === "",
  fn: async (t) => {
    await using folder = await Folder.make();
    await using place = await strangersPlace();
    // Another user must come as far as to the files.
    await Deno.chmod(folder.path, 0o755);
    for await (const { name, isFile } of Deno.readDir(folder.path)) {
      await Deno.chmod(folder.at(name), isFile ? 0o600 : 0o700);
    }
    folder.remember();
    const name = (each: FilePlace) => `${typed(each.command)} ${each.name}`;
    const wanted = places.filter((each) => !NOT_READ.has(name(each)));
    await eachOf(t, wanted, name, async ({ command, name }) => {
      const value = folder.at(name === "--root" || name === "--all" ? "folder" : "noise");
      const args = typicalArguments(command, folder, { name, value });
      const result = await place.run([...args, "--json"]);
      assert.equal(result.code, 1, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
      assert.match(result.stderr, /permission|Permission|EACCES|cannot be|not a block device/);
      assert.deepEqual(folder.changes(), []);
    });
  },
});

/** Plans that look at no file; and headers that cannot be looked at are none. */
const NOT_READ = new Set([
  "selftest --junit",
  "selftest --workdir",
  "kmod build --kdir",
  "kmod build --output",
]);

/** The program where another user may start it, and how it is started there. */
async function strangersPlace() {
  const path = await Deno.makeTempDir({ dir: "/tmp" });
  const program = `${path}/dmremap-ts`;
  await Deno.copyFile(Deno.env.get("DMREMAP_BIN")!, program);
  await Deno.chmod(program, 0o755);
  await Deno.chmod(path, 0o755);
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  return {
    run: async (args: readonly string[]) => {
      const result = await runWords([...nobody, program, ...args], { env: { HOME: path } });
      checkContract(args, result);
      return result;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
