// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { complaintsOf } from "./newest_kernel.ts";

Deno.test("of a failed bootstrap, its complaints are told, or all if there are none", () => {
  const output = `mmdebstrap trixie: exit code 25
I: running apt-get update...
Ign:1 http://mirror.example/debian trixie InRelease
E: Failed to fetch http://mirror.example/debian  Could not connect
W: Download is performed unsandboxed as root
E: Some index files failed to download.
`;
  assert.equal(
    complaintsOf(output),
    "E: Failed to fetch http://mirror.example/debian  Could not connect\n" +
      "E: Some index files failed to download.",
  );
  assert.equal(
    complaintsOf("cannot run mmdebstrap: no such file"),
    "cannot run mmdebstrap: no such file",
  );
});
