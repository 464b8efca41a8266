// SPDX-License-Identifier: GPL-2.0-only
// The results of the commands about the module, this machine and this program.
import { z } from "zod";
import { count, result, text } from "./common.ts";

const run = z.looseObject({
  kernel: z.string().optional(),
  passed: z.boolean(),
  duration_ms: count,
  stages: z.array(z.looseObject({ name: text, outcome: text })),
});

export const MACHINE = {
  "kmod build": result({ path: text, release: text, kdir: text, cached: z.boolean() }),
  "kmod load": result({ loaded: z.literal(true), already_loaded: z.boolean() }),
  "kmod unload": result({ loaded: z.literal(false) }),
  "kmod status": result({
    loaded: z.boolean(),
    loaded_version: text.nullable(),
    embedded_version: text,
    differs: z.boolean(),
    kernel_release: text,
  }),
  "deploy list": result({
    files: z.array(z.looseObject({
      part: text,
      source: text,
      path: z.string().startsWith("/"),
      configuration: z.boolean(),
    })),
  }),
  "deploy install": result({
    files: z.array(z.looseObject({
      part: text,
      path: z.string().startsWith("/"),
      state: z.enum(["written", "unchanged", "kept"]),
    })),
    next: z.array(text),
  }),
  "selftest": z.union([
    result({ stages: z.array(z.looseObject({ name: text, summary: text })) }),
    // Of a dry run.
    result({ stages: z.array(text), virtual_machine: z.boolean(), kernels: z.array(text) }),
    result({
      passed: z.boolean(),
      counts: z.looseObject({ passed: count, failed: count, skipped: count }),
      runs: z.array(run),
    }),
  ]),
  "doctor": result({
    ready: z.boolean(),
    missing_packages: z.array(text),
    checks: z.array(z.looseObject({ name: text, ok: z.boolean() })),
  }),
  "completion": result({ shell: z.enum(["bash", "zsh", "fish"]), script: text }),
  "man": z.union([
    result({ page: text, roff: text }),
    result({ files: z.array(text) }),
  ]),
} as const;
