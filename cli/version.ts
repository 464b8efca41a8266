// SPDX-License-Identifier: GPL-2.0-only
import { readEmbeddedText } from "./embed/files.ts";
import { packedPayload } from "./embed/payload.ts";

/** What `--version` prints; bug reports need all four. */
export interface VersionInfo {
  /** of this tool */
  readonly tool: string;
  /** of the module sources that it carries */
  readonly module: string;
  /** of Deno */
  readonly runtime: string;
  /** `git describe` of the tree it was packed from, or that it runs from */
  readonly git: string;
}

const UNKNOWN = "unknown";

export function versionInfo(): VersionInfo {
  return {
    tool: toolVersion(readEmbeddedText("deno.json")),
    module: moduleVersion(readModuleHeader()),
    runtime: Deno.version.deno,
    git: packedPayload()?.git ?? describeCheckout(),
  };
}

/** The `version` of a deno.json. */
export function toolVersion(configuration: string): string {
  const parsed: unknown = JSON.parse(configuration);
  if (typeof parsed !== "object" || parsed === null || !("version" in parsed)) return UNKNOWN;
  return typeof parsed.version === "string" ? parsed.version : UNKNOWN;
}

/** The version in the module's own header, so that it is written down once. */
export function moduleVersion(header: string): string {
  return /^#define\s+REMAP_VERSION\s+"([^"]+)"/m.exec(header)?.[1] ?? UNKNOWN;
}

function readModuleHeader(): string {
  return readEmbeddedText("kmod/dm-remap-core.h");
}

/** `git describe --always --dirty` where there is a checkout and git; else "unknown". */
export function describeCheckout(root: string | undefined = import.meta.dirname): string {
  if (root === undefined) return UNKNOWN;
  try {
    const { success, stdout } = new Deno.Command("git", {
      args: ["-C", root, "describe", "--always", "--dirty"],
      stderr: "null",
    }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : UNKNOWN;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return UNKNOWN;
    throw cause;
  }
}
