// SPDX-License-Identifier: GPL-2.0-only
// Reads what a module file says about itself: the `.modinfo` section of an ELF file. Doing it here
// tells a wrong module from a right one before the kernel has to refuse it, without modinfo(8).

/** The facts that decide whether a kernel takes a module. */
export interface ModuleInfo {
  readonly name: string | undefined;
  readonly version: string | undefined;
  /** The kernel release and the options it was built for. */
  readonly vermagic: string | undefined;
  /** Modules that have to be there first. */
  readonly depends: readonly string[];
  /** The names of its parameters. */
  readonly parameters: readonly string[];
}

const SECTION_HEADER_BYTES = 64;

/** @throws {TypeError} if the bytes are not a 64-bit ELF file with a `.modinfo` section. */
export function parseModuleInfo(file: Uint8Array): ModuleInfo {
  const lines = readFields(modinfoSection(file));
  const fields = new Map(lines);
  return {
    name: fields.get("name"),
    version: fields.get("version"),
    vermagic: fields.get("vermagic"),
    depends: (fields.get("depends") ?? "").split(",").filter((name) => name !== ""),
    // One with a setter of its own has a description only, others may have a type only.
    parameters: [
      ...new Set(
        lines.flatMap(([key, value]) =>
          key === "parm" || key === "parmtype" ? value.split(":")[0] ?? [] : []
        ),
      ),
    ].sort(),
  };
}

/** The release part of a vermagic: "6.1.0-56-amd64 SMP preempt mod_unload" -> "6.1.0-56-amd64". */
export function vermagicRelease(vermagic: string): string {
  return vermagic.split(" ")[0] ?? "";
}

function readFields(section: Uint8Array): [key: string, value: string][] {
  return new TextDecoder().decode(section).split("\0").flatMap((text) => {
    const equals = text.indexOf("=");
    return equals > 0 ? [[text.slice(0, equals), text.slice(equals + 1)]] : [];
  });
}

function modinfoSection(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 64 || view.getUint32(0) !== 0x7f454c46) {
    throw new TypeError("not an ELF file");
  }
  if (file[4] !== 2) throw new TypeError("not a 64-bit ELF file");
  const little = file[5] === 1;
  const tableAt = Number(view.getBigUint64(40, little));
  const count = view.getUint16(60, little);
  const namesIndex = view.getUint16(62, little);
  if (tableAt + count * SECTION_HEADER_BYTES > file.byteLength) {
    throw new TypeError("ELF file is cut off");
  }
  const section = (index: number): Uint8Array => {
    const header = tableAt + index * SECTION_HEADER_BYTES;
    const offset = Number(view.getBigUint64(header + 24, little));
    return file.subarray(offset, offset + Number(view.getBigUint64(header + 32, little)));
  };
  const names = namesIndex < count ? section(namesIndex) : new Uint8Array();
  for (let index = 0; index < count; index++) {
    const nameAt = view.getUint32(tableAt + index * SECTION_HEADER_BYTES, little);
    if (cString(names, nameAt) === ".modinfo") return section(index);
  }
  throw new TypeError("ELF file without a .modinfo section: not a kernel module");
}

function cString(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return new TextDecoder().decode(bytes.subarray(start, end < 0 ? undefined : end));
}
