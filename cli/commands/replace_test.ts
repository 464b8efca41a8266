// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { type FakeDevice, FakeMapper, HEALTHY, LOSING, runTool } from "./support/fake_mapper.ts";

/** Numbers that no machine has. */
const PERSISTENT = "4000:0 0 4000:16 0 102400";

const COMMANDS = ["replace", "evacuate"] as const;

function moving(command: string, device: FakeDevice, ...more: string[]) {
  const mapper = new FakeMapper({ r0: device });
  return runTool([command, "r0", "/dev/null", "--yes", ...more], mapper);
}

Deno.test("a volatile device is refused, with the way around", async () => {
  for (const command of COMMANDS) {
    const { code, err } = await moving(command, {});
    assert.equal(code, 1);
    assert.match(err, /r0: is volatile[^]*dmremap-ts clear r0/);
  }
});

Deno.test("a table that cannot be written is refused: the switch is recorded there", async () => {
  for (const command of COMMANDS) {
    const status = HEALTHY.replace("mode=rw", "mode=ro");
    const { code, err } = await moving(command, { table: PERSISTENT, status });
    assert.equal(code, 1);
    assert.match(err, /cannot write its table/);
  }
});

Deno.test("a migration goes first", async () => {
  for (const command of COMMANDS) {
    const status = `${HEALTHY} generation=3 migrate=running migrate_progress=3%`;
    const { code, err } = await moving(command, { table: PERSISTENT, status });
    assert.equal(code, 5);
    assert.match(err, /migrate r0 --cancel/);
  }
});

Deno.test("sectors without content keep evacuate from it, unless that is wanted", async () => {
  const device = { table: PERSISTENT, status: LOSING };
  const refused = await moving("evacuate", device);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /2 sectors have no content[^]*--accept-lost/);
  // What is refused then is the main device, which is not there.
  for (const [command, ...more] of [["evacuate", "--accept-lost"], ["replace"]] as const) {
    const { code, err } = await moving(command, device, ...more);
    assert.equal(code, 1);
    assert.match(err, /4000:0/);
  }
});

Deno.test("a device that somebody has suspended is left alone", async () => {
  for (const command of COMMANDS) {
    const { code, err } = await moving(command, { table: PERSISTENT, suspended: true });
    assert.equal(code, 5);
    assert.match(err, /is suspended/);
  }
});

Deno.test("the pause is whole seconds", async () => {
  for (const word of ["0", "x", "-1", "100000"]) {
    assert.equal((await moving("replace", {}, "--max-pause", word)).code, 2, word);
  }
});
