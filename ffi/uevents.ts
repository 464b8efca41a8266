// SPDX-License-Identifier: GPL-2.0-only
import { SystemError } from "./errors.ts";
import { lastErrno, prepareErrno } from "./libc.ts";
import { openLibrary } from "./shared_library.ts";

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_NETLINK = 16;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_KOBJECT_UEVENT = 15;
/** What the kernel says; udev's own messages are another group. */
const GROUP_KERNEL = 1;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const BUFFER_BYTES = 1 << 20;
const MESSAGE_BYTES = 8192;

/** The `KEY=value` pairs of a uevent, ACTION, DEVPATH and DEVNAME among them. */
export type Uevent = ReadonlyMap<string, string>;

/** What the kernel tells udev, from the moment on in which it is opened. */
export class UeventSocket implements Disposable {
  readonly #libc = openLibrary(["libc.so.6"], "libc6", SYMBOLS);
  readonly #fd: number;

  private constructor() {
    prepareErrno();
    const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    this.#fd = this.#libc.socket(AF_NETLINK, type, NETLINK_KOBJECT_UEVENT);
    if (this.#fd < 0) throw new SystemError("socket", "uevents", lastErrno());
    const size = new Uint8Array(new Uint32Array([BUFFER_BYTES]).buffer);
    this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, size, size.length);
    // struct sockaddr_nl: family, padding, port, groups
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, GROUP_KERNEL, true);
    prepareErrno();
    if (this.#libc.bind(this.#fd, address, address.length) < 0) {
      const errno = lastErrno();
      this.#libc.close(this.#fd);
      throw new SystemError("bind", "uevents", errno);
    }
  }

  /** @throws {SystemError} */
  static open(): UeventSocket {
    return new UeventSocket();
  }

  /** The events that have come since the last call. */
  read(): Uevent[] {
    const events: Uevent[] = [];
    const buffer = new Uint8Array(MESSAGE_BYTES);
    for (;;) {
      const length = Number(this.#libc.recv(this.#fd, buffer, BigInt(buffer.length), 0));
      if (length <= 0) return events; // EAGAIN: no more
      events.push(parseUevent(new TextDecoder().decode(buffer.subarray(0, length))));
    }
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#fd);
  }
}

/** A message is `action@devpath`, then `KEY=value` words, each ended by a zero. */
export function parseUevent(message: string): Uevent {
  const words = message.split("\0").slice(1).filter((word) => word.includes("="));
  return new Map(words.map((word): [string, string] => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)];
  }));
}
