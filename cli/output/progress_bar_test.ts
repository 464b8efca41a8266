// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { MemoryTerminal } from "./memory_terminal.ts";
import { formatSeconds, ProgressBar, SpeedMeter } from "./progress_bar.ts";

/** What has been drawn, without the codes that move the cursor. */
function drawn(terminal: MemoryTerminal): string[] {
  // deno-lint-ignore no-control-regex
  return terminal.err.split(/\x1b(?:\[[?\d]*[A-Za-z]|[78])/).filter((text) => text !== "");
}

/** What a bar says when it is taken away after an update. */
function lastWords(ms: number, done: bigint, what: { errors: bigint; state?: string }): string {
  const terminal = new MemoryTerminal({ interactive: true });
  let now = 0;
  {
    using bar = new ProgressBar(terminal, { title: "r0", total: 8192n, done: 0n, now: () => now });
    now = ms;
    bar.update(done, what);
  }
  assert.match(drawn(terminal)[0]!, /^r0 \[-+\] 0% $/);
  return drawn(terminal).at(-1)!;
}

Deno.test("a bar says how far, how fast, how long still, and what went wrong", () => {
  const quarter = lastWords(1000, 2048n, { errors: 0n });
  assert.match(quarter, /^r0 \[=+-+\] 25% 1 MiB\/s, 3 s left$/);
  const half = lastWords(2000, 4096n, { errors: 2n, state: "paused" });
  assert.match(half, /^r0 \[=+-+\] 50% 1 MiB\/s, 2 s left paused, 2 sectors unreadable$/);
});

Deno.test("a bar is taken away in the end, with the line it stood in", () => {
  const terminal = new MemoryTerminal({ interactive: true });
  new ProgressBar(terminal, { title: "r0", total: 8n, done: 0n })[Symbol.dispose]();
  assert.ok(terminal.err.endsWith("\x1b[1G\x1b[2K"), JSON.stringify(terminal.err));
});

Deno.test("a bar that starts in the middle counts only what is done from then on as speed", () => {
  let ms = 0;
  const meter = new SpeedMeter(() => ms, 1_000_000n);
  assert.equal(meter.bytesPerSecond(), undefined);
  ms = 500;
  meter.add(1_000_001n);
  assert.equal(meter.bytesPerSecond(), 1024);
  for (let i = 1; i < SpeedMeter.SAMPLES; i++) {
    ms += 1000;
    meter.add(1_000_001n);
  }
  assert.equal(meter.bytesPerSecond(), 0, "what was long ago is forgotten");
});

Deno.test("seconds", () => {
  assert.equal(formatSeconds(0.2), "1 s");
  assert.equal(formatSeconds(59), "59 s");
  assert.equal(formatSeconds(61), "1 min");
  assert.equal(formatSeconds(7800), "2 h 10 min");
});
