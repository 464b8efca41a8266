// SPDX-License-Identifier: GPL-2.0-only
import { checkEqual, checkFails, checkMatch } from "../check.ts";
import type { Bench, FunctionalPart } from "./bench.ts";

async function answers(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  checkEqual("the reply to ping", await rig.send("ping"), "pong");
}

async function refusesWhatItDoesNotKnow(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  for (
    const message of ["ping x", "pong", "remap", "remap x", "entries", "clear now", "stats all"]
  ) {
    await checkFails(`message "${message}"`, "EINVAL", () => rig.send(message));
  }
}

async function saysWhyInTheKernelLog(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  const error = await checkFails("message with an unknown word", "EINVAL", () => {
    return rig.send("frobnicate 1");
  });
  checkMatch("the reason", error.message, /frobnicate/);
}

async function refusesWhatTheTableCannotDo(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  for (const message of ["save", "restore", "migrate /dev/null"]) {
    await checkFails(`message "${message}" to a volatile table`, "EOPNOTSUPP", () => {
      return rig.send(message);
    });
  }
}

async function reportsHealth(bench: Bench): Promise<void> {
  const rig = await bench.rig({ fill: false });
  checkMatch("the reply to health", await rig.send("health"), /^health=good score=100 reason=\S+$/);
}

export const PING: FunctionalPart = {
  name: "3 ping",
  cases: [
    { name: "ping is answered with pong", run: answers },
    { name: "unknown messages and arguments: EINVAL", run: refusesWhatItDoesNotKnow },
    { name: "a refusal names its reason in the kernel log", run: saysWhyInTheKernelLog },
    {
      name: "save, restore, migrate without metadata: EOPNOTSUPP",
      run: refusesWhatTheTableCannotDo,
    },
    { name: "health of a new device is good", run: reportsHealth },
  ],
};
