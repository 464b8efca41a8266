// SPDX-License-Identifier: GPL-2.0-only
// The entry point: signals in, exit code out.
import { run } from "./app.ts";
import { Session } from "./commands/support/session.ts";
import { EXIT } from "./output/exit_codes.ts";
import { systemTerminal } from "./output/terminal.ts";

const interrupt = new AbortController();
const session = new Session({ terminal: systemTerminal(), signal: interrupt.signal });

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    if (interrupt.signal.aborted && !session.holding) Deno.exit(EXIT.interrupted);
    interrupt.abort(new Error(`got ${signal}`));
  });
}

// No await at the top level: the packed file runs the bundle as one plain function.
run(Deno.args, session).then((code) => Deno.exit(code));
