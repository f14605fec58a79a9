PRAGMA application_id = 1936548715;
PRAGMA user_version = 1;
PRAGMA encoding = 'UTF-8';
PRAGMA page_size = 4096;
PRAGMA journal_mode = 'wal';
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  at_millis INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE TABLE keyed_row (
  key TEXT PRIMARY KEY,
  version INTEGER NOT NULL CHECK (version > 0),
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE state (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  pruned INTEGER NOT NULL CHECK (pruned >= 0)
) STRICT;
