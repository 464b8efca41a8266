// SPDX-License-Identifier: GPL-2.0-only
import { FUNCTIONAL } from "./functional/stage.ts";
import type { Stage } from "./stage.ts";

/** All stages, in the order in which they run. */
export const STAGES: readonly Stage[] = [FUNCTIONAL];
