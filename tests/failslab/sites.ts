// SPDX-License-Identifier: GPL-2.0-only
//
// Where the module asks for memory, and what shows that it has been told that there is none.

/** A call in kmod/ that allocates. */
export interface Allocation {
  readonly file: string;
  /** The call as it is written, up to where it is unique in the file. */
  readonly call: string;
  /**
   * The line that is executed when it has failed, the first of this text behind the call; none if
   * the module goes on as if nothing had happened, which is what the reason says.
   */
  readonly then?: string;
  /** Why nothing is done, or why it cannot fail. */
  readonly reason?: string;
  /** It cannot fail, and so is not made to. */
  readonly cannotFail?: true;
}

const DEBUGFS = "debugfs says so itself, and nothing depends on what it shows";
const OPEN = "the kernel's own open() fails";

export const ALLOCATIONS: readonly Allocation[] = [
  { file: "dm-remap-args.c", call: "joined = kzalloc(len", then: "return -ENOMEM;" },
  { file: "dm-remap-args.c", call: "r = dm_get_device(ti, main_name", then: "return r;" },
  { file: "dm-remap-args.c", call: "r = dm_get_device(ti, spare_name", then: "return r;" },
  { file: "dm-remap-copy.c", call: "copier->pages[i] = alloc_page(", then: "return -ENOMEM;" },
  { file: "dm-remap-debugfs.c", call: "char *text = kmalloc(", then: "if (!text)" },
  { file: "dm-remap-debugfs.c", call: "DEFINE_SHOW_ATTRIBUTE(remap_stats)", reason: OPEN },
  { file: "dm-remap-debugfs.c", call: "DEFINE_SHOW_ATTRIBUTE(remap_trace_file)", reason: OPEN },
  { file: "dm-remap-debugfs.c", call: "DEFINE_SHOW_ATTRIBUTE(remap_health)", reason: OPEN },
  { file: "dm-remap-debugfs.c", call: "DEFINE_SHOW_ATTRIBUTE(remap_config)", reason: OPEN },
  { file: "dm-remap-debugfs.c", call: "int r = seq_open(", then: "if (!r)" },
  { file: "dm-remap-debugfs.c", call: "debugfs_create_dir(name", reason: DEBUGFS },
  { file: "dm-remap-debugfs.c", call: 'debugfs_create_file("stats"', reason: DEBUGFS },
  { file: "dm-remap-debugfs.c", call: 'debugfs_create_file("remap_table"', reason: DEBUGFS },
  { file: "dm-remap-debugfs.c", call: 'debugfs_create_file("trace"', reason: DEBUGFS },
  { file: "dm-remap-debugfs.c", call: 'debugfs_create_file("health"', reason: DEBUGFS },
  { file: "dm-remap-debugfs.c", call: 'debugfs_create_file("config"', reason: DEBUGFS },
  {
    file: "dm-remap-debugfs.c",
    call: 'debugfs_create_dir("dm-remap"',
    reason: "when the module is loaded, before it can be watched; as above",
    cannotFail: true,
  },
  {
    file: "dm-remap-events.c",
    call: "kobject_uevent_env(",
    reason: "an event is lost; what it told is in the status, too",
  },
  {
    file: "dm-remap-main.c",
    call: "struct remap_c *rc = kzalloc(",
    then: "if (!rc)",
  },
  {
    file: "dm-remap-main.c",
    call: "r = dm_register_target(",
    reason: "allocates nothing; it fails if there is a target of this name",
    cannotFail: true,
  },
  { file: "dm-remap-messages.c", call: "ranges = kvmalloc_array(", then: "if (!ranges)" },
  { file: "dm-remap-metadata.c", call: "*meta = kzalloc(", then: "if (!meta)" },
  {
    file: "dm-remap-metadata.c",
    call: "meta->super = (void *)get_zeroed_page(",
    then: "if (!meta->super || !meta->block)",
  },
  {
    file: "dm-remap-metadata.c",
    call: "meta->block = (void *)get_zeroed_page(",
    then: "if (!meta->super || !meta->block)",
  },
  {
    file: "dm-remap-migrate-begin.c",
    call: "m->dirty = kvcalloc(",
    then: "return m->dirty && m->copying ? 0 : -ENOMEM;",
  },
  {
    file: "dm-remap-migrate-begin.c",
    call: "m->copying = kvcalloc(",
    then: "return m->dirty && m->copying ? 0 : -ENOMEM;",
  },
  { file: "dm-remap-migrate-begin.c", call: "m = kzalloc(", then: "if (!m)" },
  { file: "dm-remap-migrate-begin.c", call: "r = dm_get_device(", then: "goto bad_device;" },
  {
    file: "dm-remap-pieces.c",
    call: "struct remap_piece *piece = kzalloc(",
    then: "if (piece) {",
  },
  {
    file: "dm-remap-repair-io.c",
    call: "part = bio_alloc_clone(",
    reason: "a pool of its own keeps one bio, and one repair at a time takes it",
    cannotFail: true,
  },
  { file: "dm-remap-repair.c", call: "bioset_init(&rc->bios", then: "return bioset_init(" },
  {
    file: "dm-remap-resources.c",
    call: "rc->inflight = alloc_percpu(",
    then: "goto bad_inflight;",
  },
  { file: "dm-remap-resources.c", call: 'alloc_workqueue("dm-remap"', then: "goto bad_wq;" },
  { file: "dm-remap-scan-run.c", call: "*step = kvzalloc(", then: "for (i = 0; step &&" },
  {
    file: "dm-remap-scan-run.c",
    call: "step->pages[i] = alloc_page(",
    then: "remap_scan_free_step(step);",
  },
  { file: "dm-remap-scan.c", call: 'alloc_workqueue("dm-remap-scan"', then: "if (!scan->wq)" },
  { file: "dm-remap-slots.c", call: "slots->used = kvcalloc(", then: "? 0 : -ENOMEM;" },
  { file: "dm-remap-slots.c", call: "xa_reserve(&slots->bad", then: "xa_reserve(&slots->bad" },
  { file: "dm-remap-slots.c", call: "xa_store(&slots->bad", then: "xa_store(&slots->bad" },
  { file: "dm-remap-super.c", call: "*b = (void *)__get_free_page(", then: "if (!b)" },
  { file: "dm-remap-super.c", call: "*super = (void *)__get_free_page(", then: "if (!super)" },
  {
    file: "dm-remap-table.c",
    call: "*table = kzalloc(",
    then: "if (!table)",
  },
  { file: "dm-remap-table.c", call: "table->counters = kzalloc(", then: "goto bad_counters;" },
  { file: "dm-remap-table.c", call: "table->filter = kvcalloc(", then: "goto bad_filter;" },
  { file: "dm-remap-table.c", call: "r = mas_store_gfp(", then: "return r;" },
  {
    file: "dm-remap-table.c",
    call: "\tmas_store_gfp(&mas, value, REMAP_GFP)",
    reason: "neighbours stay apart; the table says the same",
  },
  { file: "dm-remap-verify.c", call: "*crcs = kzalloc(", then: "if (!crcs)" },
  {
    file: "dm-remap-verify.c",
    call: "words = (void *)get_zeroed_page(",
    then: "atomic_long_dec(&remap_crcs_pages);",
  },
  {
    file: "dm-remap-verify.c",
    call: "__xa_cmpxchg(&crcs->chunks",
    then: "remap_crcs_free_page(words);",
  },
];

/** Names of functions and macros that may ask for memory. */
const ALLOCATORS = new RegExp(
  "\\b(k[mz]alloc|kcalloc|kv[mz]alloc|kvcalloc|\\w*malloc_array|alloc_pages?|get_zeroed_page|" +
    "__get_free_pages?|__?alloc_percpu|alloc_percpu|alloc_workqueue|alloc_ordered_workqueue|" +
    "bioset_init|bio_alloc\\w*|bio_kmalloc|mas_store_gfp|mas_preallocate|mtree_\\w*store\\w*|" +
    "_*xa_(store|insert|cmpxchg|alloc|reserve)\\w*|seq_open|single_open|kobject_uevent\\w*|" +
    "k\\w*strdup|kmemdup\\w*|kv?asprintf|debugfs_create_\\w+|dm_get_device|dm_register_target|" +
    "kmem_cache_\\w+|mempool_\\w+|DEFINE_SHOW_ATTRIBUTE|bitmap_\\w*alloc|vmalloc|vzalloc|" +
    "kthread_\\w*create\\w*|init_srcu_struct|percpu_\\w*init)\\(",
);

/** Numbers of the lines of a source that ask for memory. Comments do not. */
export function allocatingLines(source: string): number[] {
  return source.split("\n").flatMap((line, index) => {
    const comment = /^\s*(\/?\*|\/\/)/.test(line);
    return !comment && ALLOCATORS.test(line) ? [index + 1] : [];
  });
}

/** Where a call begins and its statement ends, and the line that tells of its failure. */
export interface Place {
  readonly first: number;
  readonly last: number;
  readonly then?: number;
}

/** @throws if the source has no such call, or nothing of the kind behind it */
export function locate(source: string, { file, call, then }: Allocation): Place {
  const lines = source.split("\n");
  const index = lines.findIndex((line) => line.includes(call));
  if (index < 0) throw new Error(`${file} has no ${call}`);
  const length = lines.slice(index).findIndex((line) => /[;)]\s*$/.test(line)) + 1;
  const place = { first: index + 1, last: index + length };
  if (then === undefined) return place;
  const at = lines.findIndex((line, number) => number >= index && line.includes(then));
  if (at < 0) throw new Error(`${file} has no ${then} behind ${call}`);
  return { ...place, then: at + 1 };
}
