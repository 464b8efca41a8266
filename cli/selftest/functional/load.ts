// SPDX-License-Identifier: GPL-2.0-only
import { loadModule } from "../../kmod/load.ts";
import { moduleState } from "../../kmod/state.ts";
import { readEmbeddedText } from "../../embed/files.ts";
import { moduleVersion } from "../../version.ts";
import { TARGET_TYPE } from "../../device/table_line.ts";
import { check, checkEqual, checkFails } from "../check.ts";
import type { Bench, FunctionalPart } from "./bench.ts";

const PARAMETERS = "/sys/module/dm_remap/parameters";

function sourceVersion(): string {
  return moduleVersion(readEmbeddedText("kmod/dm-remap-core.h"));
}

async function loads(bench: Bench): Promise<void> {
  await loadModule({ signal: bench.signal });
  const state = moduleState();
  check("the module after the load", state.loaded, { expected: "loaded", seen: "not loaded" });
  checkEqual("the version of the module", state.version, sourceVersion());
}

function registersItsTarget(bench: Bench): Promise<void> {
  const versions = bench.dm.versions();
  const target = versions.find(({ name }) => name === TARGET_TYPE);
  checkEqual("the version of the target", target?.version, sourceVersion());
  return Promise.resolve();
}

async function showsItsParameters(): Promise<void> {
  const { parameters } = moduleState();
  checkEqual("the parameters", Object.keys(parameters).sort(), [
    "debug_level",
    "max_remaps",
    "max_remaps_per_minute",
    "verify_memory_mib",
  ]);
  for (const [name, value] of Object.entries(parameters)) {
    const number = /^\d+$/.test(value);
    check(`parameter ${name}`, number, { expected: "a number", seen: value });
    await writeParameter(name, value);
  }
}

async function refusesBadParameters(): Promise<void> {
  const bad = [["debug_level", "3"], ["debug_level", "x"], ["max_remaps", "-1"], [
    "max_remaps",
    "x",
  ]];
  for (const [name = "", value = ""] of bad) {
    await checkFails(`${name} = ${value}`, "EINVAL", () => writeParameter(name, value));
  }
}

async function appliesDebugLevels(): Promise<void> {
  const before = (await Deno.readTextFile(`${PARAMETERS}/debug_level`)).trim();
  try {
    for (const level of ["0", "1", "2"]) {
      await writeParameter("debug_level", level);
      const seen = (await Deno.readTextFile(`${PARAMETERS}/debug_level`)).trim();
      checkEqual("debug_level after it was set", seen, level);
    }
  } finally {
    await writeParameter("debug_level", before);
  }
}

async function writeParameter(name: string, value: string): Promise<void> {
  await Deno.writeTextFile(`${PARAMETERS}/${name}`, value, { create: false });
}

export const LOAD: FunctionalPart = {
  name: "1 load",
  cases: [
    { name: "the module loads and has the version of its sources", run: loads },
    { name: "the target is registered with that version", run: registersItsTarget },
    { name: "its parameters are in sysfs", run: showsItsParameters },
    { name: "debug_level takes 0 to 2", run: appliesDebugLevels },
    { name: "bad parameters: EINVAL", run: refusesBadParameters },
  ],
};
