// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { LabError } from "./errors.ts";
import { loadOrder, moduleName, parseModuleIndex } from "./initramfs.ts";

const DEP = `kernel/fs/9p/9p.ko.xz: kernel/net/9p/9pnet.ko.xz kernel/fs/netfs/netfs.ko.xz
kernel/net/9p/9pnet.ko.xz:
kernel/fs/netfs/netfs.ko.xz:
kernel/drivers/scsi/sd_mod.ko: kernel/block/t10-pi.ko kernel/lib/crc64.ko
kernel/block/t10-pi.ko: kernel/lib/crc64.ko
kernel/lib/crc64.ko:
`;
const BUILTIN = "kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/md/dm-mod.ko\n";

Deno.test("a module's name does not depend on how its file is packed or spelled", () => {
  assert.equal(moduleName("kernel/drivers/md/dm-mod.ko"), "dm_mod");
  assert.equal(moduleName("kernel/fs/9p/9p.ko.xz"), "9p");
});

Deno.test("what a module needs is loaded before it, once", () => {
  const index = parseModuleIndex(DEP, BUILTIN);
  const names = ["virtio_pci", "9p", "sd_mod", "9p"];
  assert.deepEqual(loadOrder(index, names).map(moduleName), [
    "netfs",
    "9pnet",
    "9p",
    "crc64",
    "t10_pi",
    "sd_mod",
  ]);
});

Deno.test("a driver that the kernel does not have is named", () => {
  assert.throws(
    () => loadOrder(parseModuleIndex(DEP, BUILTIN), ["nvme"]),
    (error) => error instanceof LabError && /nvme/.test(error.message),
  );
});
