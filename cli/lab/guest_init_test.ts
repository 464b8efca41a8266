// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { INIT2_SCRIPT } from "./guest_init.ts";

/** What the guest's shell takes for the serial of a disk whose folder in /sys/block has these files. */
async function serialOf(files: Readonly<Record<string, string>>): Promise<string> {
  const found = /^serial_of\(\) \{\n[^]*?^\}\n/m.exec(INIT2_SCRIPT)?.[0];
  assert.ok(found !== undefined);
  const disk = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${disk}/device`);
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${disk}/${name}`, text);
    }
    const { stdout } = await new Deno.Command("/bin/sh", {
      args: ["-c", `${found}serial_of "$1" | tr -d ' \\n'`, "sh", disk],
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(disk, { recursive: true });
  }
}

Deno.test("a disk has one serial, wherever the kernel has it, and be it twice", async () => {
  const page = { "device/vpd_pg80": "\0\0\0\x08err-scsi" };
  assert.equal(await serialOf({ "serial": "disk0" }), "disk0");
  assert.equal(await serialOf({ "device/serial": "err-nvme            \n" }), "err-nvme");
  assert.equal(await serialOf(page), "err-scsi");
  assert.equal(await serialOf({ ...page, "device/serial": "err-scsi\n" }), "err-scsi");
  assert.equal(await serialOf({}), "");
});
