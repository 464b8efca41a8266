// SPDX-License-Identifier: GPL-2.0-only
import { CONTROL_PATH } from "./dm_driver.ts";
import { SystemError } from "./errors.ts";
import { FileDescriptor, libc, O_RDWR } from "./libc.ts";

/** sizeof(struct dm_ioctl). */
const HEADER_SIZE = 312;
/** _IOWR(0xfd, 16, struct dm_ioctl) */
const DM_DEV_ARM_POLL = (3n << 30n) | (BigInt(HEADER_SIZE) << 16n) | (0xfdn << 8n) | 16n;
const POLLIN = 1;
const EIO = 5;
/** Interrupted calls in a row; the errno that would tell them from real failures is not to be had. */
const MOST_FAILURES = 16;

/**
 * Waits for any event of any dm device, and can be woken from outside.
 *
 * libdevmapper's own wait sleeps in an ioctl that only the event ends: aborted, it would keep a
 * thread until the device is gone. The control device can be polled instead, along with a counter
 * of ours that ends the wait at once.
 */
export class EventPoll implements Disposable {
  readonly #control = FileDescriptor.open(CONTROL_PATH, O_RDWR);
  readonly #wake = FileDescriptor.event();

  /** From here on an event ends {@linkcode wait}, also one that comes before the wait. */
  arm(): void {
    const header = new Uint8Array(HEADER_SIZE);
    const view = new DataView(header.buffer);
    [4, 37, 0, HEADER_SIZE, HEADER_SIZE].forEach((value, i) => view.setUint32(4 * i, value, true));
    this.#control.ioctl(DM_DEV_ARM_POLL, header, "arm poll");
  }

  /** Resolves after an event or a {@linkcode wake}; maybe now and then for no reason. */
  async wait(): Promise<void> {
    const entries = new Uint8Array(16);
    const view = new DataView(entries.buffer);
    [this.#control, this.#wake].forEach((file, i) => {
      view.setInt32(8 * i, file.fd, true);
      view.setInt16(8 * i + 4, POLLIN, true);
    });
    for (let failures = 0; await libc().poll(entries, 2n, -1) < 0;) {
      if (++failures >= MOST_FAILURES) throw new SystemError("poll", CONTROL_PATH, EIO);
    }
  }

  wake(): void {
    libc().write(this.#wake.fd, new Uint8Array(new BigUint64Array([1n]).buffer), 8n);
  }

  [Symbol.dispose](): void {
    this.#wake[Symbol.dispose]();
    this.#control[Symbol.dispose]();
  }
}
