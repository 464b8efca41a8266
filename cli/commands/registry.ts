// SPDX-License-Identifier: GPL-2.0-only
// Every command, in the order in which help and man pages show them.
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { registerAssemble } from "./assemble.ts";
import { registerBackup } from "./backup.ts";
import { registerClear } from "./clear.ts";
import { registerCompletion } from "./completion.ts";
import { registerCreate } from "./create.ts";
import { registerDeploy } from "./deploy.ts";
import { registerDoctor } from "./doctor.ts";
import { registerEvacuate } from "./evacuate.ts";
import { registerEntries } from "./entries.ts";
import { registerExport } from "./export.ts";
import { registerHealth } from "./health.ts";
import { registerImport } from "./import.ts";
import { registerKmod } from "./kmod.ts";
import { registerList } from "./list.ts";
import { registerMan } from "./man.ts";
import { registerMeta } from "./meta.ts";
import { registerMigrate } from "./migrate.ts";
import { registerRemap } from "./remap.ts";
import { registerRemove } from "./remove.ts";
import { registerReplace } from "./replace.ts";
import { registerScan } from "./scan.ts";
import { registerSelftest } from "./selftest.ts";
import { registerSnapshot } from "./snapshot.ts";
import { registerStats } from "./stats.ts";
import { registerStatus } from "./status.ts";
import type { Session } from "./support/session.ts";
import { registerTable } from "./table.ts";
import { registerUnmap } from "./unmap.ts";
import { registerVerify } from "./verify.ts";

type Register = (parent: CommandUnknownOpts, session: Session) => void;

const GROUPS: readonly (readonly [heading: string, commands: readonly Register[]])[] = [
  [
    "Devices:",
    [
      registerCreate,
      registerAssemble,
      registerRemove,
      registerList,
      registerStatus,
      registerHealth,
      registerTable,
    ],
  ],
  [
    "Sectors:",
    [
      registerRemap,
      registerUnmap,
      registerVerify,
      registerClear,
      registerEntries,
      registerScan,
      registerStats,
      registerImport,
      registerExport,
    ],
  ],
  ["Snapshots:", [registerSnapshot, registerBackup]],
  ["Spares:", [registerMigrate, registerMeta]],
  ["Off a dying disk:", [registerReplace, registerEvacuate]],
  ["Module and machine:", [registerKmod, registerDeploy, registerSelftest, registerDoctor]],
  ["This program:", [registerCompletion, registerMan]],
];

/** Adds every command to the program. */
export function registerAll(program: CommandUnknownOpts, session: Session): void {
  for (const [heading, commands] of GROUPS) {
    program.commandsGroup(heading);
    for (const register of commands) register(program, session);
  }
}
