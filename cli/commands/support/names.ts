// SPDX-License-Identifier: GPL-2.0-only
// Names of device-mapper devices as people type them.
import { UsageError } from "../../device/errors.ts";

const MAPPER = "/dev/mapper/";
/** The kernel's limit: DM_NAME_LEN with its final NUL. */
const LONGEST = 127;

/** The name of a dm device, from the name itself or its path under /dev/mapper. @throws {UsageError} */
export function deviceName(typed: string): string {
  const name = typed.startsWith(MAPPER) ? typed.slice(MAPPER.length) : typed;
  if (name.includes("/")) {
    throw new UsageError("is a path, not the name of a remap device", {
      device: typed,
      cure: "give the name that `dmremap-ts list` shows",
    });
  }
  // deno-lint-ignore no-control-regex
  if (name === "" || name === "." || name === ".." || /[\s\x00-\x1f\x7f]/.test(name)) {
    throw new UsageError(`${JSON.stringify(typed)} cannot be the name of a device`, {
      cure: "use letters, digits and -_.+",
    });
  }
  if (new TextEncoder().encode(name).length > LONGEST) {
    throw new UsageError(`the name is longer than ${LONGEST} bytes`, { device: name });
  }
  return name;
}
