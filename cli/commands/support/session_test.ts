// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { RefusedError, UsageError } from "../../device/errors.ts";
import { InterruptedError } from "../../output/exit_codes.ts";
import { MemoryTerminal } from "../../output/memory_terminal.ts";
import { type GlobalOptions, Session } from "./session.ts";

/** Asks on a terminal of which some streams may be something else. */
function ask(
  { stdin = true, stderr = true, input = [] as string[] },
  options: GlobalOptions = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const memory = new MemoryTerminal({ interactive: true, input });
  const terminal = Object.assign(memory, { stdinIsTerminal: stdin, stderrIsTerminal: stderr });
  const session = new Session({ terminal, signal });
  session.begin(options);
  return session.confirm("r0", "removes everything");
}

Deno.test("whoever cannot read the question, or answer it, is not asked", async () => {
  const input = ["y"];
  await ask({ input });
  await assert.rejects(ask({ stdin: false, input }), UsageError);
  await assert.rejects(ask({ stderr: false, input }), UsageError);
  await assert.rejects(ask({ stdin: false, stderr: false, input }), UsageError);
  await ask({ stdin: false, stderr: false }, { yes: true });
  await ask({ stdin: false, stderr: false }, { dryRun: true });
});

Deno.test("only a yes is one", async () => {
  for (const answer of ["y", "Y", "yes", " YES "]) await ask({ input: [answer] });
  for (const answer of ["", "n", "no", "yes!", "yy", "oui"]) {
    await assert.rejects(ask({ input: [answer] }), RefusedError, `"${answer}"`);
  }
  await assert.rejects(ask({ input: [] }), RefusedError);
});

Deno.test("an interrupt at the question is an interrupt, whatever was typed", async () => {
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(ask({ input: ["y"] }, {}, abort.signal), InterruptedError);
});
