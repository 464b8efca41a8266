// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { describeCheckout, moduleVersion, toolVersion } from "./version.ts";

Deno.test("the tool's version is that of deno.json", () => {
  assert.equal(toolVersion('{"version": "1.2.3"}'), "1.2.3");
  assert.equal(toolVersion("{}"), "unknown");
  assert.equal(toolVersion("[]"), "unknown");
});

Deno.test("the module's version is that of its header", () => {
  assert.equal(moduleVersion('#ifndef X\n#define REMAP_VERSION "0.1.0"\n#endif\n'), "0.1.0");
  assert.equal(moduleVersion("#define REMAP_VERSION_2 1\n"), "unknown");
});

Deno.test("a place without a checkout has no git version", () => {
  assert.equal(describeCheckout("/proc"), "unknown");
  assert.equal(describeCheckout(undefined), describeCheckout());
});
