// SPDX-License-Identifier: GPL-2.0-only
import type { Digests } from "../../cli/selftest/stages/real_files.ts";
import type { DeviceMapper } from "../../ffi/libdevmapper.ts";
import type { RawPart } from "./raw.ts";

/** What the steps share. */
export interface Scene {
  readonly dm: DeviceMapper;
  /** Of the remap device. */
  readonly node: string;
  readonly raw: RawPart;
  files: Digests;
}
