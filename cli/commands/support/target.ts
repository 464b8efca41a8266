// SPDX-License-Identifier: GPL-2.0-only
// Whether the kernel has the target, before anything is written for it.
import type { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { TargetMissingError } from "../../device/errors.ts";
import { TARGET_TYPE } from "../../device/table_line.ts";
import { runProgram } from "../../kmod/process.ts";

/** The first version that keeps its table on the spare. */
const FIRST_WITH_METADATA = 3;

/**
 * Loads the module if it is installed where modprobe looks, as the kernel itself would.
 * @throws {TargetMissingError} if it is not there, or too old to keep metadata
 */
export async function requireTarget(dm: DeviceMapper, device: string): Promise<void> {
  let version = versionOf(dm);
  if (version === undefined) {
    await runProgram("modprobe", ["--quiet", "dm-remap"]).catch(() => undefined);
    version = versionOf(dm);
  }
  if (version === undefined) {
    throw new TargetMissingError("the kernel does not know the remap target", {
      device,
      cure: "load the module with: dmremap-ts kmod load",
    });
  }
  if (Number(version.split(".")[0]) >= FIRST_WITH_METADATA) return;
  throw new TargetMissingError(`the loaded module is version ${version}, which keeps no metadata`, {
    device,
    cure: "exchange it with: dmremap-ts kmod unload, dmremap-ts kmod load",
  });
}

function versionOf(dm: DeviceMapper): string | undefined {
  return dm.versions().find(({ name }) => name === TARGET_TYPE)?.version;
}
