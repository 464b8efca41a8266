// SPDX-License-Identifier: GPL-2.0-only

/** Lines of a failed step that are printed again at the end of the run. */
const MOST_LINES = 14;
/** What follows such a line often says more. */
const LINES_AFTER = 3;
const WIDEST = 300;

const SAYS_FAILED = new RegExp(
  [
    /\bFAILED\b|^\s*FAIL\b|\bnot ok\b|\bfailed\b/,
    /\berror(\[|:|\b.*\bTS\d)|Error:|^\s*error\b/,
    /\bBUG:|\bWARNING:|\bKASAN\b|\bUBSAN\b|\bOops\b|\bINFO: task\b|unreferenced object/,
    /\bended after \d+ s\b|\bcannot run\b|\btimed? ?out\b/,
  ].map(({ source }) => source).join("|"),
);
/** Sums of what went well, and tests whose names are about errors. */
const SAYS_PASSED = /(^|\D)0 failed|: passed$|\.\.\. ok\b|^\s*ok\b/;

// deno-lint-ignore no-control-regex
const COLOURS = /\x1b\[[0-9;]*m/g;

/** The lines of a program's output that say what failed; its last ones if none seems to. */
export function failureLines(output: string): string[] {
  const lines = output.replaceAll(COLOURS, "").split("\n")
    .map((line) => line.trimEnd().slice(0, WIDEST))
    .filter((line) => line !== "");
  const chosen = new Set<number>();
  for (const [at, line] of lines.entries()) {
    if (!SAYS_FAILED.test(line) || SAYS_PASSED.test(line)) continue;
    for (let i = at; i <= at + LINES_AFTER; i++) chosen.add(i);
  }
  const telling = lines.filter((line, at) => chosen.has(at) && !SAYS_PASSED.test(line));
  return (telling.length > 0 ? telling : lines).slice(-MOST_LINES);
}

function unescape(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'").replaceAll("&#10;", " ").replaceAll("&amp;", "&");
}

/** The cases of a JUnit report that have not passed, each with its reason. */
export function failuresInJunit(xml: string): string[] {
  const cases = xml.matchAll(/<testcase\b([^>]*[^/])>([\s\S]*?)<\/testcase>/g);
  const attribute = (text: string, name: string) =>
    unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "");
  return [...cases].flatMap(([, head = "", body = ""]) => {
    const tag = /<(?:failure|error|skipped)\b[^>]*>/.exec(body)?.[0];
    if (tag === undefined || tag.includes('message="not here: ')) return [];
    const name = `${attribute(head, "classname")} ${attribute(head, "name")}`.trim();
    return [`${name}: ${attribute(tag, "message")}`.slice(0, WIDEST)];
  }).slice(-MOST_LINES);
}
