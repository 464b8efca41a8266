// SPDX-License-Identifier: GPL-2.0-only
// One backup at a time: flock(2) on a file, which ends with the process whatever becomes of it.
import { dirname } from "node:path";
import { BusyError, PermissionError, RefusedError } from "../device/errors.ts";

/**
 * Held until it is disposed of.
 * @throws {BusyError} if somebody else has it
 */
export function takeLock(path: string): Disposable {
  const file = openLock(path);
  try {
    if (!file.tryLockSync(true)) {
      const holder = Deno.readTextFileSync(path).trim();
      const who = /^\d+$/.test(holder) ? ` (process ${holder})` : "";
      throw new BusyError(`another backup${who} is at work`, {
        device: path,
        cure: `wait for it to end; \`fuser -v ${path}\` shows who holds the lock`,
      });
    }
    file.truncateSync(0);
    file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}

function openLock(path: string): Deno.FsFile {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  } catch (cause) {
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new PermissionError("no permission to lock it", {
        device: path,
        cure: "run as root, or name another file with --lock",
        cause,
      });
    }
    throw new RefusedError("cannot be opened for locking", {
      device: path,
      cure: "name another file with --lock",
      cause,
    });
  }
}
