// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { join } from "node:path";
import { cureFor, debianFlavour, missingBuildTools } from "./toolchain.ts";

Deno.test("Debian's kernels are told by their release", () => {
  assert.equal(debianFlavour("6.1.0-56-amd64"), "amd64");
  assert.equal(debianFlavour("6.12.57+deb12-amd64"), "amd64");
  assert.equal(debianFlavour("6.12.57+deb12-cloud-arm64"), "cloud-arm64");
  assert.equal(debianFlavour("6.1.0-56-rt-amd64"), "rt-amd64");
  assert.equal(debianFlavour("6.18.44-fc-v657"), undefined);
  assert.equal(debianFlavour("6.8.0-45-generic"), undefined);
});

Deno.test("headers, make and gcc are asked for by their packages", () => {
  const missing = missingBuildTools("6.1.0-56-amd64", "/nonexistent", () => undefined);
  assert.deepEqual(missing.map((item) => item.debianPackage), [
    "linux-headers-6.1.0-56-amd64",
    "make",
    "gcc",
  ]);
  const cure = cureFor(missing);
  assert.match(cure, /apt-get install linux-headers-6\.1\.0-56-amd64 make gcc/);
  assert.match(cure, /linux-image-amd64 and linux-headers-amd64, and reboot/);
});

Deno.test("a kernel from elsewhere has no package", () => {
  const missing = missingBuildTools("6.18.44-own", "/nonexistent", () => "/usr/bin/x");
  assert.equal(missing.length, 1);
  assert.match(cureFor(missing), /not a Debian kernel.*--kdir/);
});

Deno.test("nothing is missing where all is there", () => {
  const kdir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(join(kdir, "Makefile"), "");
    assert.deepEqual(missingBuildTools("6.1.0-56-amd64", kdir, () => "/usr/bin/x"), []);
  } finally {
    Deno.removeSync(kdir, { recursive: true });
  }
});
