// SPDX-License-Identifier: GPL-2.0-only
import { FUNCTIONAL } from "./functional/stage.ts";
import type { Stage } from "./stage.ts";
import { CORRUPTION } from "./stages/corruption/stage.ts";
import { ERRORS } from "./stages/errors/stage.ts";
import { FILES } from "./stages/files.ts";
import { HOTPLUG } from "./stages/hotplug/stage.ts";
import { LEAK } from "./stages/leak.ts";
import { MIGRATION } from "./stages/migration/stage.ts";
import { PERFORMANCE } from "./stages/performance.ts";
import { PERSISTENCE } from "./stages/persistence/stage.ts";
import { SCAN } from "./stages/scan.ts";
import { SNAPSHOT } from "./stages/snapshot/stage.ts";
import { STRESS } from "./stages/stress.ts";
import { VERIFY } from "./stages/verify.ts";

/** All stages, in the order in which they run. */
export const STAGES: readonly Stage[] = [
  FUNCTIONAL,
  ERRORS,
  PERSISTENCE,
  CORRUPTION,
  SNAPSHOT,
  MIGRATION,
  HOTPLUG,
  SCAN,
  FILES,
  PERFORMANCE,
  STRESS,
  VERIFY,
  LEAK,
];
