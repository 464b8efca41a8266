// SPDX-License-Identifier: GPL-2.0-only
// Tables that a device has for a moment, or for good when the layer is gone.
import type { TargetSpec } from "../../../ffi/libdevmapper.ts";
import type { Span } from "./range_set.ts";

/** A disk in the place of the device; what is `missing` there is an error. */
export function linesOver(
  disk: { readonly number: string; readonly start: number },
  length: number,
  missing: Iterable<Span> = [],
): TargetSpec[] {
  const lines: TargetSpec[] = [];
  let at = 0;
  const linearUpTo = (end: number) => {
    if (end > at) {
      const params = `${disk.number} ${disk.start + at}`;
      lines.push({ start: BigInt(at), length: BigInt(end - at), type: "linear", params });
    }
    at = end;
  };
  for (const { first, end } of missing) {
    linearUpTo(first);
    lines.push({ start: BigInt(first), length: BigInt(end - first), type: "error", params: "" });
    at = end;
  }
  linearUpTo(length);
  return lines;
}

/** Nothing but errors: what a device gets that must not go on with the table that it has. */
export function barrier(length: number): TargetSpec[] {
  return [{ start: 0n, length: BigInt(length), type: "error", params: "" }];
}

/** A line as `dmsetup` takes it. */
export function lineText({ start, length, type, params }: TargetSpec): string {
  return `${start} ${length} ${type} ${params}`.trimEnd();
}
