// SPDX-License-Identifier: GPL-2.0-only
//
// In the guest: the program of a suite, with its own arguments, and then what the module has
// counted meanwhile.
import { sendCounters } from "./counters.ts";

if (Deno.env.get("COVERAGE_SUITE") === "sweep") await import("../sweep/guest.ts");
else await import("../model/guest.ts");
sendCounters();
