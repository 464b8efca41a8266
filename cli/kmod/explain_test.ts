// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { explainLoadFailure, type LoadFailure } from "./explain.ts";

const BASE: LoadFailure = {
  stderr: "",
  kernelLog: [],
  lockdown: undefined,
  vermagic: "6.1.0-1-amd64",
  release: "6.12.1-amd64",
};

Deno.test("each refusal has its reason and its cure", () => {
  const cases: [Partial<LoadFailure>, RegExp, RegExp][] = [
    [
      { stderr: "insmod: ERROR: could not insert module x.ko: Key was rejected by service" },
      /signed modules only/,
      /mokutil/,
    ],
    [
      { stderr: "could not insert module x.ko: Operation not permitted", lockdown: "integrity" },
      /locked down \(integrity\)/,
      /Secure Boot/,
    ],
    [
      { stderr: "could not insert module x.ko: Operation not permitted", lockdown: "none" },
      /does not permit/,
      /root/,
    ],
    [
      { stderr: "could not insert module x.ko: Invalid module format" },
      /built for 6\.1\.0-1-amd64, this is 6\.12\.1-amd64/,
      /kmod build --fresh/,
    ],
    [
      {
        stderr: "could not insert module x.ko: Unknown symbol in module",
        kernelLog: ["dm_remap: Unknown symbol dm_table_get_md (err -2)"],
      },
      /lacks dm_table_get_md/,
      /dm-mod/,
    ],
    [{ stderr: "could not insert module x.ko: File exists" }, /already/, /kmod status/],
    [{ stderr: "something new" }, /something new/, /dmesg/],
    [{}, /insmod failed/, /dmesg/],
  ];
  for (const [failure, reason, cure] of cases) {
    const explained = explainLoadFailure({ ...BASE, ...failure });
    assert.match(explained.reason, reason);
    assert.match(explained.cure, cure);
  }
});
