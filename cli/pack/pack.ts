// SPDX-License-Identifier: GPL-2.0-only
/**
 * `deno task pack`: writes dist/dmremap-ts, one file that runs on a machine without Deno.
 *
 * launcher/launcher.c says how the file is laid out and why. It is built twice: the first time with a boot
 * script that runs `--help` and keeps V8's code cache, the second time with that cache inside.
 */
import { dirname, join } from "node:path";
import { encodeArchive } from "../embed/archive.ts";
import { walkEmbedded } from "../embed/tree.ts";
import { describeCheckout } from "../version.ts";
import { asProgram, buildLauncher, bundle, PackError, run } from "./build.ts";
import { assemble, type Parts } from "./layout.ts";

/** Where things are taken from and written to. */
export interface PackOptions {
  /** V8's code cache, which is not the same to the byte in every run; yes, unless told otherwise. */
  readonly codeCache?: boolean;
  readonly root: string;
  readonly output: string;
  /** The module that the packed file runs; by default the tool. */
  readonly entry?: string;
}

/** Writes the packed file and returns its size. */
export async function pack(options: PackOptions): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "dmremap-pack-" });
  try {
    const trial = await collect(options, folder);
    const codeCache = options.codeCache === false
      ? new Uint8Array()
      : await warmUp(trial, options.root, folder);
    const boot = await bundle(options.root, "cli/pack/boot.ts", "esm", folder);
    const file = assemble({ ...trial, boot, codeCache });
    await publish(file, options.output);
    return file.length;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function collect(
  { root, entry = "cli/main.ts" }: PackOptions,
  folder: string,
): Promise<Parts> {
  const files = walkEmbedded(root).map((path) => ({
    path,
    content: Deno.readFileSync(join(root, path)),
  }));
  return {
    launcher: await buildLauncher(root, folder),
    runtime: await Deno.readFile(Deno.execPath()),
    archive: encodeArchive(files),
    script: new TextEncoder().encode(asProgram(await bundle(root, entry, "cjs", folder))),
    codeCache: new Uint8Array(),
    boot: await bundle(root, "cli/pack/boot_code_cache.ts", "esm", folder),
    git: describeCheckout(root),
  };
}

async function warmUp(trial: Parts, root: string, folder: string): Promise<Uint8Array> {
  const program = join(folder, "dmremap-ts");
  const output = join(folder, "code-cache");
  await Deno.writeFile(program, assemble(trial), { mode: 0o755 });
  await run(program, ["--help"], root, { DMREMAP_CODE_CACHE: output });
  return await Deno.readFile(output);
}

/** A reader of `output` sees the old file or the new one, never a part. */
async function publish(file: Uint8Array, output: string): Promise<void> {
  await Deno.mkdir(dirname(output), { recursive: true });
  const temporary = `${output}.${Deno.pid}`;
  try {
    await Deno.writeFile(temporary, file, { mode: 0o755 });
    await Deno.chmod(temporary, 0o755);
    await Deno.rename(temporary, output);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => undefined);
    throw cause;
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..", "..");
  const output = Deno.args[0] ?? join(root, "dist", "dmremap-ts");
  const print = (text: string): void => {
    Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));
  };
  try {
    const size = await pack({ root, output });
    print(`${output}: ${(size / 1e6).toFixed(1)} MB`);
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
    print(`pack: ${error.message}`);
    Deno.exit(1);
  }
}
