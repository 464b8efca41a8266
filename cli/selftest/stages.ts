// SPDX-License-Identifier: GPL-2.0-only
import { FUNCTIONAL } from "./functional/stage.ts";
import type { Stage } from "./stage.ts";
import { FILES } from "./stages/files.ts";
import { LEAK } from "./stages/leak.ts";
import { PERFORMANCE } from "./stages/performance.ts";
import { STRESS } from "./stages/stress.ts";

/** All stages, in the order in which they run. */
export const STAGES: readonly Stage[] = [FUNCTIONAL, FILES, PERFORMANCE, STRESS, LEAK];
