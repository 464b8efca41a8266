// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { releaseFromBanner, releaseFromName } from "./debian_kernel.ts";
import { lostOptions } from "./debug_kernel.ts";
import { LabError } from "./errors.ts";
import { ensureKernel } from "./kernels.ts";

Deno.test("an image's release: from its name, else from what file says", () => {
  assert.equal(releaseFromName("/boot/vmlinuz-6.1.0-1-amd64"), "6.1.0-1-amd64");
  assert.equal(releaseFromName("vmlinuz-7.0"), "7.0");
  assert.equal(releaseFromName("/boot/vmlinuz"), undefined);
  assert.equal(releaseFromName("/boot/vmlinuz-old/bzImage"), undefined);
  assert.equal(
    releaseFromBanner("Linux kernel x86 boot executable bzImage, version 6.1.0-1-amd64 (x@y) #1"),
    "6.1.0-1-amd64",
  );
  assert.equal(releaseFromBanner("data"), undefined);
});

Deno.test("an unknown kernel is refused with the known ones", async () => {
  const known = (error: unknown) =>
    error instanceof LabError && /6\.1, 6\.12, debug/.test(error.message);
  await assert.rejects(ensureKernel("5.10", () => {}), known);
  await assert.rejects(ensureKernel("/no/vmlinuz-1", () => {}), /no kernel image/);
});

Deno.test("an option that the kernel's configuration dropped is noticed", () => {
  const fragment = "# a comment\nCONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\nCONFIG_D=5\n";
  assert.deepEqual(lostOptions(fragment, "CONFIG_A=y\nCONFIG_B=m\nCONFIG_D=5\n"), []);
  assert.deepEqual(lostOptions(fragment, "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n"), [
    "CONFIG_B=m",
    "# CONFIG_C is not set",
    "CONFIG_D=5",
  ]);
});
