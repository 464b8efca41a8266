// SPDX-License-Identifier: GPL-2.0-only
// The smallest ELF file that looks like a kernel module, for tests.

const ELF_HEADER = 64;
const SECTION_HEADER = 64;

/** An ELF file whose `.modinfo` section holds these fields; a list gives one field a value. */
export function fakeModule(
  fields: Readonly<Record<string, string | readonly string[]>>,
): Uint8Array {
  const encoder = new TextEncoder();
  const names = encoder.encode("\0.shstrtab\0.modinfo\0");
  const modinfo = encoder.encode(
    Object.entries(fields).flatMap(([key, values]) =>
      [values].flat().map((value) => `${key}=${value}\0`)
    ).join(""),
  );
  const namesAt = ELF_HEADER;
  const modinfoAt = namesAt + names.length;
  const tableAt = modinfoAt + modinfo.length;
  const file = new Uint8Array(tableAt + 3 * SECTION_HEADER);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(40, BigInt(tableAt), true);
  view.setUint16(60, 3, true);
  view.setUint16(62, 1, true);
  file.set(names, namesAt);
  file.set(modinfo, modinfoAt);
  const section = (index: number, name: number, at: number, size: number): void => {
    const header = tableAt + index * SECTION_HEADER;
    view.setUint32(header, name, true);
    view.setBigUint64(header + 24, BigInt(at), true);
    view.setBigUint64(header + 32, BigInt(size), true);
  };
  section(1, 1, namesAt, names.length);
  section(2, 11, modinfoAt, modinfo.length);
  return file;
}
