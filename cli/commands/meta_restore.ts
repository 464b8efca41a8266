// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { RefusedError, UsageError } from "../device/errors.ts";
import { planRestore, type RestorePlan } from "../metadata/restore.ts";
import { quote } from "../metadata/text.ts";
import { parseText, TextError } from "../metadata/text_parse.ts";
import { InterruptedError } from "../output/exit_codes.ts";
import { countOf } from "../output/units.ts";
import { countFields } from "./meta_check.ts";
import { START_OPTION, type Target } from "./meta_target.ts";
import { requireRoom, writeAndCheck } from "./meta_write.ts";
import { document } from "./support/command_doc.ts";
import { sectorNumber } from "./support/integers.ts";
import type { Session } from "./support/session.ts";

interface RestoreOptions {
  readonly input?: string;
  readonly start?: bigint;
  readonly force?: true;
}

/** `meta restore DEV` */
export function registerMetaRestore(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("restore")
    .summary("write a table from its text")
    .description(
      "Writes the metadata that a text of `meta dump` describes to DEV. The text is checked as a " +
        "whole first: nothing is written that the module would refuse.",
    )
    .argument("<dev>", "the spare device, or a file with an image of it")
    .option("--input <file>", "the text; - for stdin")
    .option(...START_OPTION, sectorNumber)
    .option("--force", "overwrite metadata, or a signature, that DEV holds")
    .action((path, options) => restore(session, path, options));
  document(command, {
    notes: [
      "Only the table is written. The content of relocated sectors lies in the slots: DEV has to " +
      "be the spare that the text is of, or a copy of it.",
    ],
    examples: [
      ["meta restore /dev/sdc1 --input sdc1.txt", "onto a spare that is empty"],
      ["meta restore /dev/sdc1 --input sdc1.txt --force --yes", "over the table that is there"],
      ["meta restore /dev/sdc1 --input sdc1.txt -n", "check the text, and write nothing"],
    ],
    exits: [0, 1, 2, 4, 5, 130],
    complete: { dev: "file" },
  });
}

async function restore(session: Session, path: string, options: RestoreOptions): Promise<void> {
  const { input } = options;
  if (input === undefined) {
    throw new UsageError("the text is missing", {
      cure: "give --input FILE, or --input - for stdin",
    });
  }
  const plan = await readPlan(input, session.signal);
  const target: Target = { path, ...options.start === undefined ? {} : { start: options.start } };
  const held = requireRoom(target, plan.fields, options.force ?? false);
  const { out } = session;
  for (const note of plan.notes) out.note(`note: ${input}: ${note}`);
  if (!session.dryRun) {
    const over = held === undefined ? "" : `, although it ${held}`;
    await session.confirm(path, `writes the table of ${quote(plan.fields.name)}${over}`);
    writeAndCheck(target, plan);
  }
  const does = session.dryRun ? "would be written" : "written";
  out.done(
    {
      dry_run: session.dryRun || undefined,
      device: path,
      uuid: plan.fields.uuid,
      ...countFields(plan.counts),
      overwritten: held ?? null,
      notes: plan.notes,
    },
    `${path}: ${countOf(plan.counts.entries, "entry", "entries")} of ` +
      `${quote(plan.fields.name)} ${does}`,
  );
}

async function readPlan(input: string, signal: AbortSignal): Promise<RestorePlan> {
  const name = input === "-" ? "stdin" : input;
  try {
    return planRestore(parseText(await readText(input, signal)));
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    if (error instanceof TextError) {
      throw new RefusedError(error.message, {
        device: name,
        cure: "nothing was written; `dmremap-ts help meta dump` shows what a text looks like",
      });
    }
    if (error instanceof Deno.errors.NotFound) {
      throw new RefusedError("no such file", { device: name, cause: error });
    }
    if (error instanceof Error && error.name !== "TextError") {
      throw new RefusedError("cannot be read", { device: name, cause: error });
    }
    throw error;
  }
}

/** Somebody may still be typing it, or have second thoughts. */
async function readText(input: string, signal: AbortSignal): Promise<string> {
  const text = input === "-"
    ? new Response(Deno.stdin.readable).text()
    : Deno.readTextFile(input, { signal });
  const interrupted = Promise.withResolvers<never>();
  const stop = () => interrupted.reject(new InterruptedError("interrupted"));
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([text, interrupted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
