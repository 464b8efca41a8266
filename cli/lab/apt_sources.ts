// SPDX-License-Identifier: GPL-2.0-only

/** One archive that apt is told to use. */
export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy?: string;
}

/** Reads a `.sources` file (deb822 stanzas); sources that are switched off or source-only are left out. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    let last = "";
    for (const line of stanza.split("\n")) {
      if (line.startsWith("#")) continue;
      const field = /^([\w-]+):\s*(.*)$/.exec(line);
      if (field) {
        last = (field[1] ?? "").toLowerCase();
        fields.set(last, field[2] ?? "");
      } else if (/^\s+\S/.test(line) && last) {
        fields.set(last, `${fields.get(last) ?? ""}\n${line.trim()}`);
      }
    }
    const words = (key: string) =>
      (fields.get(key) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || fields.get("enabled") === "no") continue;
    const signedBy = fields.get("signed-by");
    for (const uri of words("uris")) {
      sources.push({
        uri,
        suites: words("suites"),
        components: words("components"),
        // An inline key spans several lines; a path never does.
        ...(signedBy?.startsWith("/") && !signedBy.includes("\n") ? { signedBy } : {}),
      });
    }
  }
  return sources;
}

/** Reads a `.list` file (one line a source). */
export function parseListSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = /signed-by=(\/\S+)/.exec(options)?.[1];
    sources.push({
      uri,
      suites: [suite],
      components: components.split(/\s+/).filter((word) => word !== ""),
      ...(signedBy === undefined ? {} : { signedBy }),
    });
  }
  return sources;
}

/** The `.list` line of another suite of the archive that already provides `codename`. */
export function siblingSuite(
  sources: readonly AptSource[],
  codename: string,
  suite: string,
): string | undefined {
  const source = sources.find((each) =>
    each.suites.includes(codename) && each.components.includes("main")
  );
  if (!source) return undefined;
  const options = source.signedBy === undefined ? "" : `[signed-by=${source.signedBy}] `;
  return `deb ${options}${source.uri} ${suite} main\n`;
}
