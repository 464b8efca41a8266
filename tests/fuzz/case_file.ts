// SPDX-License-Identifier: GPL-2.0-only
//
// Cases on their way into the guest: a list, and all images in one file.
import type { KernelCase } from "./kernel_cases.ts";

type Listed = Omit<KernelCase, "image"> & { readonly at: number; readonly length: number };

export function writeCases(dir: string, cases: readonly KernelCase[]): void {
  let at = 0;
  const list: Listed[] = [];
  using images = Deno.openSync(`${dir}/images`, { write: true, create: true });
  for (const { image, ...rest } of cases) {
    list.push({ ...rest, at, length: image.length });
    for (let sent = 0; sent < image.length;) sent += images.writeSync(image.subarray(sent));
    at += image.length;
  }
  Deno.writeTextFileSync(`${dir}/cases.json`, JSON.stringify(list));
}

export function readCases(dir: string): KernelCase[] {
  const images = Deno.readFileSync(`${dir}/images`);
  const list: Listed[] = JSON.parse(Deno.readTextFileSync(`${dir}/cases.json`));
  return list.map(({ at, length, ...rest }) => ({ ...rest, image: images.slice(at, at + length) }));
}
