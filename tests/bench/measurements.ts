// SPDX-License-Identifier: GPL-2.0-only
import { z } from "zod";
import { CASES, CAUSES, OPERATIONS, ORDERS, REQUESTS } from "./cases.ts";

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
  z.object({
    kind: z.literal("commit"),
    cause: z.enum(CAUSES),
    /** In the table, before. */
    entries: z.number().int().nonnegative(),
    relocations: z.number().int().positive(),
    /** Of the spare's own statistics, for all relocations together. */
    writes: z.number().int().nonnegative(),
    flushes: z.number().int().nonnegative(),
    sectors: z.number().int().nonnegative(),
    /** What the target says that it wrote of metadata. */
    metadata_writes: z.number().int().nonnegative(),
  }),
  z.object({
    kind: z.literal("checkpoint"),
    entries: z.number().int().nonnegative(),
    writes: z.number().int().nonnegative(),
    sectors: z.number().int().nonnegative(),
    instructions: z.number().positive(),
    /** Commits from one checkpoint to the next. */
    ring_blocks: z.number().int().positive(),
  }),
  z.object({
    kind: z.literal("activation"),
    entries: z.number().int().nonnegative(),
    /** From the resume's call to its return. */
    instructions: z.number().positive(),
    /** What the tree's nodes took more after it than before. */
    node_bytes: z.number().int(),
  }),
]);

export type Measurement = z.infer<typeof measurement>;
export type IoMeasurement = Extract<Measurement, { kind: "io" }>;
export type ScanMeasurement = Extract<Measurement, { kind: "scan" }>;
export type CommitMeasurement = Extract<Measurement, { kind: "commit" }>;
export type CheckpointMeasurement = Extract<Measurement, { kind: "checkpoint" }>;
export type ActivationMeasurement = Extract<Measurement, { kind: "activation" }>;

/** Checks what came over the guest's channel. */
export function parseMeasurement(record: unknown): Measurement {
  return measurement.parse(record);
}
