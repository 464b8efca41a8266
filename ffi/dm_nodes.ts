// SPDX-License-Identifier: GPL-2.0-only
// The nodes in /dev/mapper. Where udev runs, it makes them, and a semaphore (the "cookie") says when
// it has; where it does not, libdevmapper makes them. The library keeps the nodes it is still to
// make in a list that is not for several threads. A resume is told to leave nodes alone, but a
// removal and a renaming put theirs on the list in dm_task_run() itself wherever there is no udev
// to wait for, whatever they are told. So whatever touches the list does so alone.
import { toCString } from "./cstring.ts";
import type { DmLibrary } from "./dm_library.ts";
import { mangle } from "./dm_names.ts";
import type { DmTask } from "./dm_task.ts";

const DM_UDEV_DISABLE_LIBRARY_FALLBACK = 0x20;
/** For a task that is no creation: never. */
const DM_ADD_NODE_ON_CREATE = 1;
const UDEV_TIMEOUT_MS = 60_000;
const LONGEST_PAUSE_MS = 20;

/** Ends when the last one to use the library's list is done with it. */
let listFree: Promise<void> = Promise.resolve();

/** Runs `use` when nobody else uses the library's list of nodes. */
function withList(use: () => void | Promise<void>): Promise<void> {
  const used = listFree.then(use);
  listFree = used.catch(() => {});
  return used;
}

/**
 * Runs a task after which nodes of these names come or go, and sees to it that they do.
 * @param alone the task itself touches the library's list of nodes
 */
export async function runWithNodes(
  library: DmLibrary,
  task: DmTask,
  names: readonly string[],
  run: () => void | Promise<void>,
  { alone }: { readonly alone: boolean },
): Promise<void> {
  const cookie = new Uint32Array(1);
  const bytes = new Uint8Array(cookie.buffer);
  task.check(
    library.dm_task_set_add_node(task.pointer, DM_ADD_NODE_ON_CREATE),
    "leave the node to us",
  );
  task.check(
    library.dm_task_set_cookie(task.pointer, bytes, DM_UDEV_DISABLE_LIBRARY_FALLBACK),
    "prepare for udev",
  );
  try {
    await (alone ? withList(run) : run());
  } finally {
    // Also after a failure: the wait is what frees the semaphore.
    await waitForUdev(library, cookie[0]!);
  }
  await withList(() => {
    // Nothing to do where udev did its work.
    for (const name of names) library.dm_mknodes(toCString(mangle(name)));
    library.dm_task_update_nodes();
  });
}

async function waitForUdev(library: DmLibrary, cookie: number): Promise<void> {
  if (cookie === 0) return; // no udev; the library would never call that ready
  const deadline = Date.now() + UDEV_TIMEOUT_MS;
  const ready = new Int32Array(1);
  const bytes = new Uint8Array(ready.buffer);
  for (let pause = 1;; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const asked = library.dm_udev_wait_immediate(cookie, bytes);
    if (asked === 0 || ready[0] !== 0) return;
    // udev that does not answer (in a container, or stopped) must not hang us: say it did.
    if (Date.now() > deadline) library.dm_udev_complete(cookie);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
