// SPDX-License-Identifier: GPL-2.0-only

/** Something the lab needs is not there or did not work; the message says what to do about it. */
export class LabError extends Error {
  override readonly name: string = "LabError";
}

/** Debian packages are missing and could not be installed from here. */
export class MissingPackagesError extends LabError {
  override readonly name = "MissingPackagesError";

  constructor(readonly packages: readonly string[], why: string, options?: ErrorOptions) {
    super(
      `${why}; missing: ${packages.join(" ")}. ` +
        `As root: apt-get install --no-install-recommends ${packages.join(" ")}`,
      options,
    );
  }
}

/** A command of the host failed. */
export class CommandError extends LabError {
  override readonly name = "CommandError";

  constructor(readonly command: readonly string[], readonly code: number, output: string) {
    super(`${command.join(" ")}: exit code ${code}\n${output.trimEnd()}`);
  }
}
