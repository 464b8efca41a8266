// SPDX-License-Identifier: GPL-2.0-only
//
// Crash states that need the kernel: mounted, which replays the log, and read.
import { checkEqual } from "../../../cli/selftest/check.ts";
import { run } from "../../suite/guest/process.ts";
import { MAIN_SECTORS } from "../crash/layout.ts";
import { type Expected, fileProblem } from "../crash/plan.ts";
import { FILE_SYSTEMS } from "./file_systems.ts";
import type { PartContext } from "./steps.ts";

const MOUNT = "/tmp/mnt";

/** A state, and what has to be in it; the host writes a list of them. */
export interface StateToMount {
  readonly name: string;
  readonly expected: readonly Expected[];
}

export async function crashReplayPart(
  { dm, step }: PartContext,
  name: string,
  list: string,
): Promise<void> {
  const fs = FILE_SYSTEMS.find((each) => each.name === name);
  if (fs === undefined) throw new Error(`no file system ${name}`);
  const states: readonly StateToMount[] = JSON.parse(await Deno.readTextFile(list));
  const disk = await Deno.realPath("/dev/lab/states");
  await step(
    `${name}: ${states.length} crash states mount, and what was synced is there`,
    async () => {
      const problems: string[] = [];
      for (const [index, state] of states.entries()) {
        const params = `${disk} ${index * MAIN_SECTORS}`;
        const table = { start: 0n, length: BigInt(MAIN_SECTORS), type: "linear", params };
        await dm.createWithTable("state", [table]);
        try {
          await fs.mount("/dev/mapper/state", MOUNT);
          for (const expected of state.expected) {
            const bytes = await Deno.readFile(`${MOUNT}/${expected.file}`).catch(() => undefined);
            const problem = fileProblem(expected, bytes);
            if (problem !== undefined) problems.push(`${state.name}: ${problem}`);
          }
          await run("umount", MOUNT);
        } catch (error) {
          problems.push(`${state.name}: ${error instanceof Error ? error.message : error}`);
        }
        await dm.remove("state", { retry: true });
      }
      checkEqual("what is wrong", problems.slice(0, 5), []);
    },
  );
}
