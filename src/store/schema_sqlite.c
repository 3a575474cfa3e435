/* SPDX-License-Identifier: MIT */
#include "store/db_sqlite.h"

#include "base/str.h"

/* Entry i leads from user_version i to i + 1. Never change one that was released: add another. */
const char *const sqlite_migrations[] = {
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY, lab TEXT, verdict TEXT NOT NULL,"
    "  started_us INTEGER NOT NULL, took_us INTEGER NOT NULL);"
    "CREATE TABLE jobs ("
    "  id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs(id),"
    "  lab TEXT, board TEXT, test TEXT,"
    "  image_file TEXT, image_sha256 TEXT, image_build_id TEXT,"
    "  verdict TEXT NOT NULL, reason TEXT,"
    "  started_us INTEGER NOT NULL, took_us INTEGER NOT NULL,"
    "  flash_us INTEGER NOT NULL, test_us INTEGER NOT NULL);"
    "CREATE TABLE cases ("
    "  job_id INTEGER NOT NULL REFERENCES jobs(id),"
    "  suite TEXT NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL, duration_us INTEGER);"
    "CREATE INDEX jobs_by_run ON jobs(run_id);"
    "CREATE INDEX jobs_by_test ON jobs(lab, test, verdict);"
    "CREATE INDEX jobs_by_board ON jobs(lab, board);"
    "CREATE INDEX cases_by_job ON cases(job_id);",
    "CREATE TABLE quarantine ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL, reason TEXT NOT NULL, since_us INTEGER NOT NULL,"
    "  PRIMARY KEY (lab, board));",
    /* The firmware file that was written onto a board last, whoever did it. */
    "CREATE TABLE carried ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL, image_sha256 TEXT, image_file TEXT,"
    "  since_us INTEGER NOT NULL, PRIMARY KEY (lab, board));"
    /* What hil watch knows of a board, and all that it did. */
    "CREATE TABLE watched ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL,"
    "  image TEXT, image_sha256 TEXT, tag TEXT, asset TEXT, flashed_us INTEGER NOT NULL,"
    "  failed TEXT, failures INTEGER NOT NULL, retry_us INTEGER NOT NULL,"
    "  reason TEXT, aside TEXT, verdict TEXT, PRIMARY KEY (lab, board));"
    "CREATE TABLE attempts ("
    "  id INTEGER PRIMARY KEY, lab TEXT NOT NULL, board TEXT NOT NULL, tool TEXT, probe TEXT,"
    "  image TEXT, image_sha256 TEXT, tag TEXT, asset TEXT, golden INTEGER NOT NULL,"
    "  started_us INTEGER NOT NULL, took_us INTEGER NOT NULL, exit_code INTEGER,"
    "  verdict TEXT, reason TEXT, wrote INTEGER NOT NULL);"
    "CREATE INDEX attempts_by_board ON attempts(lab, board, started_us);",
    /* What history asks for. A case's name is kept once: names.seen_day is the last day that it was
     * recorded. cases.result is enum case_result. jobs.at_us is when it began, or the run where it
     * never did. quarantine.image: the image that hil watch gave up with; another one lifts it. */
    "ALTER TABLE runs ADD COLUMN repository TEXT;"
    "ALTER TABLE runs ADD COLUMN sha TEXT;"
    "ALTER TABLE runs ADD COLUMN ref TEXT;"
    "ALTER TABLE runs ADD COLUMN describe TEXT;"
    "ALTER TABLE runs ADD COLUMN url TEXT;"
    "ALTER TABLE jobs ADD COLUMN at_us INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE jobs ADD COLUMN last INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE jobs ADD COLUMN blame TEXT;"
    "ALTER TABLE jobs ADD COLUMN passed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN errors INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE jobs ADD COLUMN flaky INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE attempts ADD COLUMN run_id INTEGER;"
    "ALTER TABLE quarantine ADD COLUMN image TEXT;"
    "CREATE TABLE names ("
    "  id INTEGER PRIMARY KEY, suite TEXT NOT NULL, name TEXT NOT NULL,"
    "  seen_day INTEGER NOT NULL, UNIQUE (suite, name));"
    "INSERT INTO names (suite, name, seen_day)"
    "  SELECT suite, name, max(started_us) / 86400000000 FROM cases JOIN jobs ON jobs.id = job_id"
    "  GROUP BY suite, name;"
    "DROP INDEX cases_by_job;"
    "ALTER TABLE cases RENAME TO cases_3;"
    "CREATE TABLE cases ("
    "  job_id INTEGER NOT NULL REFERENCES jobs(id), name_id INTEGER NOT NULL REFERENCES names(id),"
    "  seq INTEGER NOT NULL, result INTEGER NOT NULL, duration_us INTEGER,"
    "  PRIMARY KEY (job_id, name_id, seq)) WITHOUT ROWID;"
    "INSERT INTO cases SELECT job_id, names.id, cases_3.rowid, CASE result WHEN 'pass' THEN 0"
    "  WHEN 'fail' THEN 1 WHEN 'error' THEN 2 ELSE 3 END, duration_us"
    "  FROM cases_3 JOIN names USING (suite, name);"
    "DROP TABLE cases_3;"
    "UPDATE jobs SET"
    "  at_us = iif(started_us, started_us, (SELECT r.started_us FROM runs r WHERE r.id = run_id)),"
    "  passed = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 0),"
    "  failed = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 1),"
    "  errors = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 2),"
    "  skipped = (SELECT count(*) FROM cases WHERE job_id = jobs.id AND result = 3);"
    "CREATE TABLE events ("
    "  id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, lab TEXT, board TEXT, kind TEXT NOT NULL,"
    "  text TEXT NOT NULL);"
    "CREATE INDEX runs_by_time ON runs(started_us);"
    "CREATE INDEX jobs_by_time ON jobs(at_us);"
    "CREATE INDEX attempts_by_time ON attempts(started_us);"
    "CREATE INDEX attempts_by_run ON attempts(run_id) WHERE run_id IS NOT NULL;"
    "CREATE INDEX events_by_time ON events(at_us);",
    /* Identities that are given once, and what they come from. A value is there once for its kind,
     * whatever pool it is in; a board has at most one of a pool. */
    "CREATE TABLE pools (name TEXT PRIMARY KEY, kind TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE pool_ranges ("
    "  id INTEGER PRIMARY KEY, pool TEXT NOT NULL, prefix TEXT NOT NULL, digits INTEGER NOT NULL,"
    "  first INTEGER NOT NULL, last INTEGER NOT NULL, next INTEGER NOT NULL);"
    "CREATE TABLE identities ("
    "  id INTEGER PRIMARY KEY, pool TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,"
    "  state TEXT NOT NULL, board TEXT, drawn_us INTEGER, since_us INTEGER NOT NULL, note TEXT,"
    "  UNIQUE (kind, value));"
    "CREATE INDEX identities_by_state ON identities(pool, state, id);"
    "CREATE UNIQUE INDEX identities_of_board ON identities(pool, board)"
    "  WHERE board IS NOT NULL AND state <> 'retired';"
    /* What hil rig did with each board, also with one whose end nobody wrote down. */
    "CREATE TABLE rigged ("
    "  id INTEGER PRIMARY KEY, lab TEXT NOT NULL, board TEXT, slot INTEGER NOT NULL, path TEXT,"
    "  image_sha256 TEXT, image_file TEXT, started_us INTEGER NOT NULL, took_us INTEGER NOT NULL,"
    "  outcome TEXT, step TEXT, reason TEXT, identity TEXT);"
    "CREATE INDEX rigged_by_board ON rigged(lab, board, outcome);"
    "CREATE INDEX rigged_by_time ON rigged(lab, started_us);",
    /* Jobs as they are counted, whatever is forgotten of them later; from what is there now. */
    "CREATE TABLE totals ("
    "  lab TEXT NOT NULL, board TEXT NOT NULL, verdict TEXT NOT NULL,"
    "  jobs INTEGER NOT NULL, took_us INTEGER NOT NULL,"
    "  PRIMARY KEY (lab, board, verdict)) WITHOUT ROWID;"
    "INSERT INTO totals SELECT ifnull(lab, ''), board, verdict, count(*), sum(took_us) FROM jobs"
    "  WHERE board IS NOT NULL GROUP BY 1, 2, 3;",
    /* Leases are for several hosts: PostgreSQL's alone. */
    "",
};

const int sqlite_newest = (int)ARRAY_SIZE(sqlite_migrations);
