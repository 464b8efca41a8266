// SPDX-License-Identifier: GPL-2.0-only
// The JSON contract: schema_version first, integers as numbers as long as every reader keeps them.

/** Grows only when a field changes its meaning; fields may be added without it. */
export const SCHEMA_VERSION = 1;

/** What a command may print as JSON. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | bigint
  | undefined
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The fields of one JSON document, without `schema_version`. */
export type JsonFields = { readonly [key: string]: JsonValue };

const LARGEST_EXACT = 2n ** 53n;

/** Writes a document; integers above 2^53 become strings, because most readers would round them. */
export function toJson(fields: JsonFields, indent = 0): string {
  return JSON.stringify({ schema_version: SCHEMA_VERSION, ...fields }, exactIntegers, indent);
}

function exactIntegers(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return value <= LARGEST_EXACT && value >= -LARGEST_EXACT ? Number(value) : value.toString();
}
