// SPDX-License-Identifier: GPL-2.0-only

/** The host's end of a virtio-serial port: a unix socket that QEMU connects to. */
export class GuestPort implements Disposable {
  readonly #listener: Deno.UnixListener;
  #connection: Deno.UnixConn | undefined;

  constructor(readonly name: string, readonly socket: string) {
    this.#listener = Deno.listen({ transport: "unix", path: socket });
  }

  /** Hands over what the guest writes until QEMU ends, or until this end is disposed of. */
  async read(onText: (text: string) => void): Promise<void> {
    try {
      this.#connection = await this.#listener.accept();
    } catch {
      return; // QEMU ended before it connected.
    }
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65536);
    for (;;) {
      const length = await this.#connection.read(buffer).catch(() => null);
      if (length === null) break;
      onText(decoder.decode(buffer.subarray(0, length), { stream: true }));
    }
  }

  /** Writes to the guest; a guest that is gone does not matter. */
  async write(text: string): Promise<void> {
    await this.#connection?.write(new TextEncoder().encode(text)).catch(() => {});
  }

  /** Gives up waiting for a connection; what is connected already is read to its end. */
  stopListening(): void {
    try {
      this.#listener.close();
    } catch {
      // Closed already.
    }
  }

  [Symbol.dispose](): void {
    this.stopListening();
    try {
      this.#connection?.close();
    } catch {
      // Closed already.
    }
  }
}

/** Cuts a stream of text into lines. */
export class LineSplitter {
  #rest = "";

  constructor(private readonly onLine: (line: string) => void) {}

  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.onLine(line);
  }

  /** Hands over a last line that has no newline. */
  end(): void {
    if (this.#rest !== "") this.onLine(this.#rest);
    this.#rest = "";
  }
}
