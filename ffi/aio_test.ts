// SPDX-License-Identifier: GPL-2.0-only
import assert from "node:assert/strict";
import { AioContext } from "./aio.ts";
import { FileDescriptor, libc, O_NONBLOCK, O_RDONLY } from "./libc.ts";

// Loaded for good, and here rather than in a test, which would be blamed for a leak.
libc();

const O_WRONLY = 1;
/** Ends when nobody has the other end of a pipe open any more. */
const IOCB_CMD_POLL = 5;
const POLLHUP = 0x10;
const EBADF = 9;

interface Pipe extends Disposable {
  readonly fd: number;
  /** Ends all requests at once. */
  hangUp(): void;
}

function pipe(): Pipe {
  const folder = Deno.makeTempDirSync({ prefix: "dmremap-aio-" });
  const path = `${folder}/pipe`;
  const { success } = new Deno.Command("mkfifo", { args: [path] }).outputSync();
  assert.ok(success);
  const reader = FileDescriptor.open(path, O_RDONLY | O_NONBLOCK);
  const writer = FileDescriptor.open(path, O_WRONLY | O_NONBLOCK);
  Deno.removeSync(folder, { recursive: true });
  return {
    fd: reader.fd,
    hangUp: () => writer[Symbol.dispose](),
    [Symbol.dispose]() {
      writer[Symbol.dispose]();
      reader[Symbol.dispose]();
    },
  };
}

Deno.test("more requests than fit at once wait for their turn, and all of them end", async () => {
  using end = pipe();
  using aio = new AioContext();
  const waiting = Array.from(
    { length: 300 },
    () => aio.submit({ fd: end.fd, command: IOCB_CMD_POLL }),
  );
  end.hangUp();
  const results = await Promise.all(waiting);
  assert.deepEqual([...new Set(results)], [POLLHUP]);
});

Deno.test("a request that the kernel refuses has its own errno, and holds up no other", async () => {
  using end = pipe();
  using aio = new AioContext();
  const waiting = aio.submit({ fd: end.fd, command: IOCB_CMD_POLL });
  assert.equal(await aio.submit({ fd: 1 << 20, command: IOCB_CMD_POLL }), -EBADF);
  end.hangUp();
  assert.equal(await waiting, POLLHUP);
});

Deno.test("what is under way when the context goes ends, and nothing can be asked of it then", async () => {
  using end = pipe();
  const aio = new AioContext();
  const waiting = Array.from(
    { length: 200 },
    () => aio.submit({ fd: end.fd, command: IOCB_CMD_POLL }),
  );
  aio[Symbol.dispose]();
  aio[Symbol.dispose]();
  const results = await Promise.all(waiting);
  assert.ok(results.every((result) => result < 0));
  assert.throws(() => aio.submit({ fd: end.fd, command: IOCB_CMD_POLL }), /after its release/);
});
