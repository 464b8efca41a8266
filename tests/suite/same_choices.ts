// SPDX-License-Identifier: GPL-2.0-only
/**
 * Loaded before unit tests: properties get the same examples in every run, so that a failure says
 * something of the change at hand, and comes again. `deno task test --full unit` leaves it away.
 */
import fc from "fast-check";

fc.configureGlobal({ seed: 20261123 });
