// SPDX-License-Identifier: GPL-2.0-only
import { join } from "node:path";
import { Argument, type CommandUnknownOpts } from "@commander-js/extra-typings";
import {
  install,
  type Installed,
  type Part,
  PARTS,
  targets,
  USUAL_PARTS,
} from "../deploy/targets.ts";
import { RefusedError, UsageError } from "../device/errors.ts";
import { formatColumns } from "../output/table.ts";
import { document } from "./support/command_doc.ts";
import { showCommands } from "./support/plan.ts";
import type { Session } from "./support/session.ts";

/** What has to be run once the files are there. */
const NEXT: Readonly<Record<Part, readonly string[]>> = {
  systemd: ["systemctl daemon-reload", "systemctl enable dmremap-assemble.service"],
  initramfs: ["update-initramfs -u"],
  dkms: ["dkms add dm-remap/VERSION", "dkms install dm-remap/VERSION"],
  timer: ["systemctl daemon-reload", "systemctl enable --now dmremap-backup.timer"],
  cron: [],
};

/** `deploy list|install` */
export function registerDeploy(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("deploy")
    .summary("put the files into place that bring devices up at boot, and back them up")
    .description(
      "Looks after the unit files, the udev rule, the initramfs scripts, the module's sources " +
        "for DKMS, and the timer or cron file for backups, which this program carries with it.",
    );
  registerList(command, session);
  registerInstall(command, session);
  document(command, {
    examples: [
      ["deploy list", "see which files there are, and where they go"],
      ["deploy install systemd", "for disks that are mounted by the running system"],
      ["deploy install", "for the root file system as well"],
    ],
    exits: [0, 1, 2, 130],
  });
}

function registerList(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("list")
    .summary("show the files and where they go")
    .description("Lists the files that `deploy install` writes.")
    .action(() => {
      const files = targets();
      session.out.result(
        {
          files: files.map(({ part, source, path, isConfiguration }) => ({
            part,
            source,
            path,
            configuration: isConfiguration,
          })),
        },
        () =>
          formatColumns(
            [{ heading: "PART" }, { heading: "PATH" }],
            files.map(({ part, path }) => [part, path]),
          ),
      );
    });
  document(command, {
    examples: [["deploy list", "one line a file"], ["deploy list --json", "for a script"]],
    exits: [0, 1, 2, 130],
  });
}

function registerInstall(parent: CommandUnknownOpts, session: Session): void {
  const command = parent.command("install")
    .summary("write the files")
    .description("Writes the files of some parts, or of all, to where they belong.")
    .addArgument(
      new Argument("[part...]", "what to install; everything but cron unless told").choices(PARTS),
    )
    .option("--root <dir>", "the system's root", "/")
    .action((parts, { root }) => {
      const chosen = parts.length === 0
        ? USUAL_PARTS
        : PARTS.filter((part) => parts.includes(part));
      if (TWICE.every((part) => chosen.includes(part))) {
        throw new UsageError("timer and cron would both run the backup, each once an hour", {
          cure: "name one of them",
        });
      }
      // Some files belong to two parts.
      const wanted = targets().filter(({ part }) => chosen.includes(part));
      const files = [...new Map(wanted.map((file) => [file.path, file])).values()];
      if (session.dryRun) {
        return showCommands(
          session.out,
          files.map(({ source, path, mode }) => [
            ...["install", "-D", "-m", mode.toString(8), source, join(root, path)],
          ]),
        );
      }
      const done = files.map((file) => ({ ...file, state: write(file, root) }));
      const next = nextSteps(chosen, files.find(({ part }) => part === "dkms")?.path);
      session.out.done(
        { files: done.map(({ part, path, state }) => ({ part, path, state })), next },
        done.map(({ path, state }) => `${state} ${path}`).join("\n"),
      );
      for (const path of ofTheOther(chosen, root)) {
        session.out.warn(`${path} is there as well: backups would run twice as often; remove one`);
      }
      if (next.length === 0) return;
      session.out.note(`now run:\n${next.map((line) => `  ${line}`).join("\n")}`);
    });
  document(command, {
    notes: [
      "/etc/initramfs-tools/dmremap.conf, /etc/default/dmremap-backup and " +
      "/etc/dmremap-ts/backup-failed are written only if they are not there: they are yours. All " +
      "other files are overwritten.",
      "The parts timer and cron both run `dmremap-ts backup` once an hour: both at once are refused, " +
      "and a warning says if the other one is there.",
    ],
    examples: [
      ["deploy install systemd", "the unit file and the udev rule"],
      ["deploy install initramfs dkms", "the parts that a root file system needs"],
      ["deploy install timer", "hourly backups, without cron"],
      ["deploy install --root /mnt", "into a system that is mounted there"],
      ["deploy install -n", "show what would be written"],
    ],
    exits: [0, 1, 2, 130],
  });
}

/** Parts that do the same. */
const TWICE: readonly Part[] = ["timer", "cron"];

/** What an earlier installation has left that does what this one does. */
function ofTheOther(chosen: readonly Part[], root: string): string[] {
  const other = TWICE.filter((part) => !chosen.includes(part));
  if (other.length === TWICE.length) return [];
  return targets().filter(({ part, path, isConfiguration }) =>
    other.includes(part) && !isConfiguration && (path.endsWith(".timer") || part === "cron")
  ).map(({ path }) => join(root, path)).filter(isThere);
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false;
  }
}

function write(file: Parameters<typeof install>[0], root: string): Installed {
  try {
    return install(file, root);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RefusedError(`cannot be written: ${reason}`, {
      device: join(root, file.path),
      ...Deno.uid() === 0 ? {} : { cure: "run as root" },
      cause,
    });
  }
}

function nextSteps(parts: readonly Part[], source: string | undefined): string[] {
  const [, version = ""] = /\/dm-remap-([^/]+)\//.exec(source ?? "") ?? [];
  // The module has to be there before the initramfs takes it.
  const order: readonly Part[] = ["dkms", "systemd", "initramfs", "timer", "cron"];
  const lines = order.filter((part) => parts.includes(part)).flatMap((part) =>
    NEXT[part].map((line) => line.replace("VERSION", version))
  );
  return [...new Set(lines)];
}
