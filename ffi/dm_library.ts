// SPDX-License-Identifier: GPL-2.0-only
import { libc } from "./libc.ts";
import { openLibrary } from "./shared_library.ts";

const SYMBOLS = {
  dm_log_with_errno_init: { parameters: ["pointer"], result: "void" },
  dm_set_name_mangling_mode: { parameters: ["i32"], result: "i32" },
  dm_get_library_version: { parameters: ["buffer", "usize"], result: "i32" },
  dm_lib_release: { parameters: [], result: "void" },
  dm_task_update_nodes: { parameters: [], result: "void" },
  dm_mknodes: { parameters: ["buffer"], result: "i32" },
  dm_udev_wait_immediate: { parameters: ["u32", "buffer"], result: "i32" },
  dm_udev_complete: { parameters: ["u32"], result: "i32" },
  dm_task_create: { parameters: ["i32"], result: "pointer" },
  dm_task_destroy: { parameters: ["pointer"], result: "void" },
  dm_task_run: { parameters: ["pointer"], result: "i32" },
  dm_task_run_in_thread: {
    name: "dm_task_run",
    parameters: ["pointer"],
    result: "i32",
    nonblocking: true,
  },
  dm_task_get_errno: { parameters: ["pointer"], result: "i32" },
  dm_task_set_name: { parameters: ["pointer", "buffer"], result: "i32" },
  dm_task_set_uuid: { parameters: ["pointer", "buffer"], result: "i32" },
  dm_task_set_newname: { parameters: ["pointer", "buffer"], result: "i32" },
  dm_task_set_sector: { parameters: ["pointer", "u64"], result: "i32" },
  dm_task_set_message: { parameters: ["pointer", "buffer"], result: "i32" },
  dm_task_set_ro: { parameters: ["pointer"], result: "i32" },
  dm_task_set_add_node: { parameters: ["pointer", "i32"], result: "i32" },
  dm_task_set_cookie: { parameters: ["pointer", "buffer", "u16"], result: "i32" },
  dm_task_no_flush: { parameters: ["pointer"], result: "i32" },
  dm_task_skip_lockfs: { parameters: ["pointer"], result: "i32" },
  dm_task_retry_remove: { parameters: ["pointer"], result: "i32" },
  dm_task_deferred_remove: { parameters: ["pointer"], result: "i32" },
  dm_task_add_target: {
    parameters: ["pointer", "u64", "u64", "buffer", "buffer"],
    result: "i32",
  },
  dm_task_get_driver_version: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  dm_task_get_info: { parameters: ["pointer", "buffer"], result: "i32" },
  dm_task_get_uuid: { parameters: ["pointer"], result: "pointer" },
  dm_task_get_deps: { parameters: ["pointer"], result: "pointer" },
  dm_task_get_names: { parameters: ["pointer"], result: "pointer" },
  dm_task_get_versions: { parameters: ["pointer"], result: "pointer" },
  dm_task_get_message_response: { parameters: ["pointer"], result: "pointer" },
  dm_get_next_target: {
    parameters: ["pointer", "pointer", "buffer", "buffer", "buffer", "buffer"],
    result: "pointer",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions of libdevmapper that this program uses. */
export type DmLibrary = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const DM_STRING_MANGLING_NONE = 0;

let loaded: DmLibrary | undefined;

/**
 * Loads libdevmapper and takes its voice: by itself it writes to stderr.
 *
 * Its log function is variadic and may be called on any thread, neither of which a callback into
 * JavaScript can be. What it would say is an operation and an errno, both of which every task
 * gives us; so it is handed a function of libc that ignores whatever it is called with.
 *
 * @throws {LibraryError}
 */
export function dmLibrary(): DmLibrary {
  if (loaded === undefined) {
    loaded = openLibrary(
      ["libdevmapper.so.1.02.1", "libdevmapper.so.1.02", "libdevmapper.so"],
      "libdevmapper1.02.1",
      SYMBOLS,
    );
    loaded.dm_log_with_errno_init(libc().getppid);
    // Odd names are ours to mangle: the library makes nodes under one name and removes another.
    loaded.dm_set_name_mangling_mode(DM_STRING_MANGLING_NONE);
  }
  return loaded;
}
