// SPDX-License-Identifier: GPL-2.0-only

/** In the header of the file: "dmrs". Other programs' databases have another. */
export const APPLICATION_ID = 0x646d7273;

/**
 * Each brings a store one version up; the first makes it. They are never changed once released.
 *
 * Numbers of snapshots are not used twice, or `restore 7` could mean another one than yesterday.
 * Pieces of content are kept once, however many snapshots have them: those of one device mostly agree.
 */
export const MIGRATIONS: readonly string[] = [
  `
CREATE TABLE devices (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

CREATE TABLE snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  device INTEGER NOT NULL REFERENCES devices (id),
  seal TEXT UNIQUE,
  taken_at TEXT NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL,
  generation INTEGER NOT NULL,
  table_changes INTEGER,
  health TEXT NOT NULL,
  counters TEXT NOT NULL,
  host TEXT NOT NULL,
  tool_version TEXT NOT NULL,
  module_version TEXT NOT NULL,
  with_data INTEGER NOT NULL,
  digest TEXT NOT NULL,
  data_digest TEXT NOT NULL,
  entries INTEGER NOT NULL,
  remapped_sectors INTEGER NOT NULL,
  lost_sectors INTEGER NOT NULL,
  pending_sectors INTEGER NOT NULL,
  bad_sectors INTEGER NOT NULL,
  data_bytes INTEGER NOT NULL,
  name TEXT NOT NULL,
  uuid TEXT,
  predecessor_uuid TEXT,
  main_id TEXT NOT NULL,
  main_path TEXT NOT NULL,
  main_start INTEGER NOT NULL,
  main_sectors INTEGER NOT NULL,
  main_device_sectors INTEGER NOT NULL,
  block_sectors INTEGER NOT NULL,
  spare_path TEXT NOT NULL,
  spare_start INTEGER NOT NULL,
  spare_sectors INTEGER NOT NULL,
  spare_device_sectors INTEGER NOT NULL,
  args TEXT NOT NULL
) STRICT;
CREATE INDEX snapshots_by_device ON snapshots (device);

CREATE TABLE entries (
  snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  first INTEGER NOT NULL,
  length INTEGER NOT NULL CHECK (length > 0),
  state INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  PRIMARY KEY (snapshot, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE bad_slots (
  snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  slot INTEGER NOT NULL,
  length INTEGER NOT NULL CHECK (length > 0),
  PRIMARY KEY (snapshot, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE pieces (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE,
  sectors INTEGER NOT NULL,
  packing INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

CREATE TABLE contents (
  snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
  first INTEGER NOT NULL,
  length INTEGER NOT NULL CHECK (length > 0),
  piece INTEGER NOT NULL REFERENCES pieces (id),
  PRIMARY KEY (snapshot, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX contents_by_piece ON contents (piece);
`,
];
