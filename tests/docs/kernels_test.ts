// SPDX-License-Identifier: GPL-2.0-only
// docs/kernels.md names every kernel, every stage and every feature that is probed, and no other.
import assert from "node:assert/strict";
import { join } from "node:path";
import { KERNEL_IDS } from "../../cli/lab/kernels.ts";
import { STAGES } from "../../cli/selftest/stages.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");
const read = (path: string) => Deno.readTextFileSync(join(root, path));
const document = read("docs/kernels.md");

/** What the first cells of the document's table rows match. */
function firstCells(pattern: RegExp): string[] {
  return document.split("\n").flatMap((line) => {
    const [, cell] = /^\| (\S.*?) +\|/.exec(line) ?? [];
    const [, name] = pattern.exec(cell ?? "") ?? [];
    return name === undefined ? [] : [name];
  });
}

Deno.test("the kernels are those of the lab, in both tables", () => {
  const ids = [...KERNEL_IDS];
  assert.deepEqual(firstCells(/^`(\d[\d.]*|newest|debug)`$/), ids);
  assert.match(
    document,
    new RegExp(`^\\| part +\\| ${ids.map((id) => `\`${id}\``).join(" +\\| ")} \\|$`, "m"),
  );
});

Deno.test("every stage has a row", () => {
  const names = STAGES.map(({ name }) => name);
  assert.deepEqual(firstCells(/^`selftest (\w+)`/).sort(), names.sort());
});

Deno.test("the features are those that the build asks for, and has a probe for", () => {
  const probes = (/^probes := (.*)$/m.exec(read("kmod/Kbuild"))?.[1] ?? "").split(" ");
  assert.deepEqual(firstCells(/^`([A-Z_]+)`$/), probes);
  const asked = read("kmod/compat-probe.c").matchAll(/^#ifdef PROBE_(\w+)$/gm);
  assert.deepEqual([...asked].map(([, name]) => name), probes);
  for (const name of probes) {
    assert.match(read("kmod/compat.h"), new RegExp(`REMAP_HAVE_${name}$`, "m"));
  }
});
