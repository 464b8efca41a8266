// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { parseDeb822Sources, parseListSources, siblingSuite } from "./apt_sources.ts";

const DEB822 = `Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/switched-off
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://mirror.example/sources
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example/inline
Suites: other
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 abc
`;

Deno.test("deb822 sources: stanzas, comments, what is switched off, inline keys", () => {
  assert.deepEqual(parseDeb822Sources(DEB822), [
    {
      uri: "http://mirror.example/debian",
      suites: ["bookworm", "bookworm-updates"],
      components: ["main", "contrib"],
      signedBy: "/usr/share/keyrings/archive.gpg",
    },
    { uri: "http://mirror.example/inline", suites: ["other"], components: ["main"] },
  ]);
});

Deno.test("one-line sources: options, comments, source lines", () => {
  const text = `# deb http://no.example x main
deb http://a.example/debian bookworm main non-free # trailing
deb [arch=amd64 signed-by=/k.gpg] http://b.example/debian bookworm main
deb-src http://a.example/debian bookworm main
`;
  assert.deepEqual(parseListSources(text), [
    { uri: "http://a.example/debian", suites: ["bookworm"], components: ["main", "non-free"] },
    {
      uri: "http://b.example/debian",
      suites: ["bookworm"],
      components: ["main"],
      signedBy: "/k.gpg",
    },
  ]);
});

Deno.test("a sibling suite comes from the archive that has the release itself", () => {
  const sources = parseDeb822Sources(DEB822);
  assert.equal(
    siblingSuite(sources, "bookworm", "bookworm-backports"),
    "deb [signed-by=/usr/share/keyrings/archive.gpg] http://mirror.example/debian " +
      "bookworm-backports main\n",
  );
  assert.equal(siblingSuite(sources, "sid", "sid-backports"), undefined);
});
