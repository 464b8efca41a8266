// SPDX-License-Identifier: GPL-2.0-only
// What each command prints with --json.
import { z } from "zod";
import { PLAN, result } from "./common.ts";
import { DEVICES } from "./devices.ts";
import { MACHINE } from "./machine.ts";
import { SPARES } from "./spares.ts";

const SCHEMAS: Readonly<Record<string, z.ZodType>> = { ...DEVICES, ...SPARES, ...MACHINE };

/** The commands that have a schema. */
export const DESCRIBED: readonly string[] = Object.keys(SCHEMAS);

/** The schema of a command; one without has to have a version at least. */
export function schemaOf(path: readonly string[], args: readonly string[]): z.ZodType {
  const schema = SCHEMAS[path.join(" ")] ?? result({});
  const isDry = args.includes("-n") || args.includes("--dry-run");
  return isDry ? z.union([PLAN, schema]) : schema;
}
