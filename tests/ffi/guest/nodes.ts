// SPDX-License-Identifier: GPL-2.0-only
// A program for the guest, run with other surroundings than the rest: makes and removes devices, and
// prints as JSON what it saw of their nodes.
import { DeviceMapper } from "../../../ffi/libdevmapper.ts";
import { line, nodes } from "./support.ts";

const NAMES = ["plain", "with blank", "quote'\"$", "ä"];

using dm = DeviceMapper.open();
await Promise.all(NAMES.map((name) => dm.createWithTable(name, [line(0n, 8n, "zero")])));
const made = nodes();
const readable = made.every((name) => Deno.statSync(`/dev/mapper/${name}`).isBlockDevice);
await dm.rename("plain", "renamed");
const renamed = nodes();
await Promise.all(["renamed", ...NAMES.slice(1)].map((name) => dm.remove(name, { retry: true })));
const report = { readable, made, renamed, left: nodes() };
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(report)}\n`));
