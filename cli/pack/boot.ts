// SPDX-License-Identifier: GPL-2.0-only
// The script that the launcher hands to the runtime.
import { compileProgram, runProgram } from "./start.ts";

runProgram(compileProgram());
