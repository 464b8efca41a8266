// SPDX-License-Identifier: GPL-2.0-only
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT, type ExitCode } from "../output/exit_codes.ts";
import type { Output } from "../output/output.ts";
import { formatColumns } from "../output/table.ts";
import { type Check, checkMachine, type Purpose } from "./support/checks.ts";
import { document } from "./support/command_doc.ts";
import type { Session } from "./support/session.ts";

const PURPOSES: Record<Purpose, string> = {
  use: "to use remap devices",
  build: "to build the module",
  selftest: "for the self test",
};

/** `doctor` */
export function registerDoctor(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("doctor")
    .summary("what is missing on this machine, and how to get it")
    .description("Looks for everything that the tool needs, and names what to install.")
    .action(() => {
      const checks = checkMachine();
      session.exitCode = verdict(checks);
      const packages = packagesOf(checks);
      session.out.result(
        {
          ready: session.exitCode === EXIT.done,
          missing_packages: packages,
          checks: fields(checks),
        },
        () => human(session.out, checks, packages),
      );
    });
  document(command, {
    notes: [
      "The exit code is 0 if remap devices can be used right now, 6 if only the driver or the " +
      "module is not there, 1 if something else that is needed for use is missing. What only a " +
      "build of the module or the self test needs does not count.",
    ],
    examples: [
      ["doctor", "see what is there"],
      ["doctor --json | jq -r '.missing_packages[]'", "the Debian packages to install"],
    ],
    exits: [0, 1, 2, 6, 130],
  });
}

/** The exit code for what was found. */
export function verdict(checks: readonly Check[]): ExitCode {
  const missing = checks.filter((check) => check.purpose === "use" && !check.ok);
  if (missing.length === 0) return EXIT.done;
  return missing.every((check) => check.isTarget) ? EXIT.missing : EXIT.failed;
}

function packagesOf(checks: readonly Check[]): string[] {
  const missing = checks.filter((check) => !check.ok);
  return [...new Set(missing.flatMap((check) => check.debianPackage ?? []))];
}

function fields(checks: readonly Check[]) {
  return checks.map(({ name, purpose, ok, detail, cure, debianPackage }) => ({
    name,
    purpose,
    ok,
    detail,
    cure,
    debian_package: debianPackage,
  }));
}

function human(out: Output, checks: readonly Check[], packages: readonly string[]): string {
  const sections = (Object.keys(PURPOSES) as Purpose[]).map((purpose) => {
    const rows = checks.filter((check) => check.purpose === purpose).map((check) => [
      check.ok ? out.tint("good", "ok") : out.tint("bad", "missing"),
      check.name,
      check.detail,
    ]);
    const table = formatColumns([{ heading: "STATE" }, { heading: "WHAT" }, { heading: "" }], rows);
    return `Needed ${PURPOSES[purpose]}:\n${table}`;
  });
  const cures = checks.flatMap((check) => check.ok ? [] : check.cure ?? []);
  const steps = [
    ...packages.length === 0 ? [] : [`apt-get install ${packages.join(" ")}`],
    ...new Set(cures),
  ];
  const todo = steps.length === 0 ? [] : [`To do:\n${steps.map((step) => `  ${step}`).join("\n")}`];
  return [...sections, ...todo].join("\n\n");
}
