// SPDX-License-Identifier: GPL-2.0-only
import { z } from "zod";
import { CASES, OPERATIONS, ORDERS, REQUESTS } from "./cases.ts";

/** One record that the guest sends. */
const measurement = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("io"),
    case: z.enum(CASES),
    operation: z.enum(OPERATIONS),
    /** Mean time to complete of one I/O, in instructions. */
    instructions: z.number().positive(),
    /** The least that one took: the same to the instruction in every run. */
    shortest: z.number().int().positive(),
    count: z.number().int().positive(),
  }),
  z.object({
    kind: z.literal("memory"),
    order: z.enum(ORDERS),
    entries: z.number().int().positive(),
    /** What the tree's nodes took more after the insertion than before it. */
    node_bytes: z.number().int(),
  }),
  z.object({
    kind: z.literal("request"),
    request: z.enum(REQUESTS),
    sectors: z.number().int().positive(),
    instructions: z.number().positive(),
  }),
  z.object({
    kind: z.literal("scan"),
    sectors: z.number().int().positive(),
    /** Of plain O_DIRECT reads of the same sectors, 1 MiB each, one after the other. */
    plain_instructions: z.number().positive(),
    instructions: z.number().positive(),
  }),
]);

export type Measurement = z.infer<typeof measurement>;
export type IoMeasurement = Extract<Measurement, { kind: "io" }>;
export type MemoryMeasurement = Extract<Measurement, { kind: "memory" }>;
export type ScanMeasurement = Extract<Measurement, { kind: "scan" }>;
export type RequestMeasurement = Extract<Measurement, { kind: "request" }>;

/** Checks what came over the guest's channel. */
export function parseMeasurement(record: unknown): Measurement {
  return measurement.parse(record);
}
