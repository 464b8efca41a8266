// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { releaseFromHeader, releaseFromName } from "./debian_kernel.ts";
import { lostOptions } from "./debug_kernel.ts";
import { LabError } from "./errors.ts";
import { ensureKernel } from "./kernels.ts";

Deno.test("an image's release: from its name, else from its header", () => {
  assert.equal(releaseFromName("/boot/vmlinuz-6.1.0-1-amd64"), "6.1.0-1-amd64");
  assert.equal(releaseFromName("vmlinuz-7.0"), "7.0");
  assert.equal(releaseFromName("/boot/vmlinuz"), undefined);
  assert.equal(releaseFromName("/boot/vmlinuz-old/bzImage"), undefined);
  const image = new Uint8Array(0x1000);
  const put = (at: number, text: string) => image.set(new TextEncoder().encode(text), at);
  put(0x202, "HdrS");
  image.set([0x34, 0x02], 0x20e);
  put(0x434, "6.1.0-1-amd64 (builder@host) #1 SMP\0more");
  assert.equal(releaseFromHeader(image), "6.1.0-1-amd64");
  put(0x202, "abcd");
  assert.equal(releaseFromHeader(image), undefined);
  assert.equal(releaseFromHeader(new Uint8Array()), undefined);
});

Deno.test("an unknown kernel is refused with the known ones", async () => {
  const known = (error: unknown) =>
    error instanceof LabError && /6\.1, 6\.12, newest, debug/.test(error.message);
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
