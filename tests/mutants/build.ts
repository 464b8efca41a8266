// SPDX-License-Identifier: GPL-2.0-only
//
// Builds the module of the tree that this file lies in, as the tests there would, but in a folder
// that has most of it already: `build.ts FOLDER KERNEL`.
import { buildModule } from "../../cli/kmod/build.ts";
import { ensureKernel } from "../../cli/lab/kernels.ts";

const [folder = "", id = ""] = Deno.args;
const { kdir, release } = await ensureKernel(id, () => {});
const workDir = `${folder}/${release}`;
await Deno.mkdir(workDir, { recursive: true });
await buildModule({ kdir, release, workDir });
