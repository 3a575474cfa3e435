/* SPDX-License-Identifier: MIT */
#include "store/watched.h"

#include "base/str.h"
#include "store/parts.h"

#include <stdlib.h>

void store_watched_set(char **text, const char *value)
{
    char *copy = xstrdup(value ? value : "");

    free(*text);
    *text = copy;
}

static void take_text(struct statement *statement, int at, char **ret)
{
    store_watched_set(ret, statement_text(statement, at));
}

void store_watched_done(struct store_watched *watched)
{
    free(watched->image);
    free(watched->image_sha256);
    free(watched->tag);
    free(watched->asset);
    free(watched->failed);
    free(watched->reason);
    free(watched->aside);
    free(watched->quarantine);
    free(watched->quarantine_for);
    *watched = (struct store_watched){0};
}

/* ---- reading --------------------------------------------------------------------------------- */

static int count_flashes(struct store *store, const char *lab, const char *board, int64_t since_us,
                         struct store_watched *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db,
                        "SELECT count(*), ifnull(min(started_us), 0) FROM attempts"
                        " WHERE lab = ? AND board = ? AND started_us >= ? AND wrote = 1",
                        &statement, err);

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    statement_bind_int(statement, 3, since_us);
    rc = statement_step(statement, err);
    if (rc < 0)
        return rc;
    ret->flashes = (uint64_t)statement_int(statement, 0);
    ret->first_us = statement_int(statement, 1);
    return 0;
}

static int read_quarantine(struct store *store, const char *lab, const char *board,
                           struct store_watched *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc =
        db_prepare(store->db, "SELECT reason, image FROM quarantine WHERE lab = ? AND board = ?",
                   &statement, err);

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    rc = statement_step(statement, err);
    if (rc == 1) {
        take_text(statement, 0, &ret->quarantine);
        take_text(statement, 1, &ret->quarantine_for);
    }
    return rc < 0 ? rc : 0;
}

static void take_row(struct statement *row, struct store_watched *ret)
{
    take_text(row, 0, &ret->image);
    take_text(row, 1, &ret->image_sha256);
    take_text(row, 2, &ret->tag);
    take_text(row, 3, &ret->asset);
    ret->flashed_us = statement_int(row, 4);
    take_text(row, 5, &ret->failed);
    ret->failures = (unsigned)statement_int(row, 6);
    ret->retry_us = statement_int(row, 7);
    take_text(row, 8, &ret->reason);
    take_text(row, 9, &ret->aside);
    if (!store_verdict(statement_text(row, 10), &ret->verdict))
        ret->verdict = VERDICT_PASS;
    ret->overwritten = statement_int(row, 11);
    ret->known = true;
}

int store_watched(struct store *store, const char *lab, const char *board, int64_t since_us,
                  struct store_watched *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    char **const texts[] = {&ret->image, &ret->image_sha256, &ret->tag,
                            &ret->asset, &ret->failed,       &ret->reason,
                            &ret->aside, &ret->quarantine,   &ret->quarantine_for};
    int rc;

    *ret = (struct store_watched){.verdict = VERDICT_PASS};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        *texts[i] = xstrdup("");
    rc = count_flashes(store, lab, board, since_us, ret, err);
    if (rc == 0)
        rc = read_quarantine(store, lab, board, ret, err);
    if (rc == 0)
        rc = db_prepare(store->db,
                        "SELECT w.image, w.image_sha256, w.tag, w.asset, w.flashed_us, w.failed,"
                        " w.failures, w.retry_us, w.reason, w.aside, w.verdict,"
                        " c.board IS NOT NULL"
                        " AND coalesce(c.image_sha256, '?') <> coalesce(w.image_sha256, '?')"
                        " FROM watched w LEFT JOIN carried c USING (lab, board)"
                        " WHERE lab = ? AND board = ?",
                        &statement, err);
    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    rc = statement_step(statement, err);
    if (rc == 1)
        take_row(statement, ret);
    return rc < 0 ? rc : 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

int store_carries(struct store *store, const char *lab, const char *board, const char *sha256,
                  const char *file, int64_t unix_us, struct err *err)
{
    return store_run(store,
                     "INSERT INTO carried (lab, board, image_sha256, image_file, since_us)"
                     " VALUES (?, ?, ?, ?, ?) ON CONFLICT (lab, board) DO UPDATE SET"
                     " image_sha256 = excluded.image_sha256, image_file = excluded.image_file,"
                     " since_us = excluded.since_us WHERE excluded.since_us >= carried.since_us",
                     err, "ssssi", lab ? lab : "", board ? board : "", sha256, file, unix_us);
}

int store_attempt_begin(struct store *store, const struct store_attempt *attempt, int64_t *ret_id,
                        struct err *err)
{
    int rc = store_run(
        store,
        "INSERT INTO attempts (lab, board, tool, probe, image, image_sha256, tag, asset,"
        " golden, started_us, took_us, wrote) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1)",
        err, "ssssssssii", attempt->lab, attempt->board, attempt->tool, attempt->probe,
        attempt->image, attempt->image_sha256, attempt->tag, attempt->asset,
        (int64_t)attempt->golden, attempt->started_us);

    *ret_id = rc == 0 ? db_insert_id(store->db) : 0;
    return rc;
}

static int end_locked(struct store *store, int64_t id, const struct store_attempt *attempt,
                      const struct store_watched *after, struct err *err)
{
    int rc = store_run(store,
                       "UPDATE attempts SET took_us = ?, exit_code = ?, verdict = ?, reason = ?,"
                       " wrote = ?, run_id = nullif(?, 0) WHERE id = ?",
                       err, "iissiii", attempt->took_us, (int64_t)attempt->exit_code,
                       verdict_name(attempt->verdict), attempt->reason, (int64_t)attempt->wrote,
                       attempt->run, id);

    if (rc == 0 && *after->quarantine)
        rc = store_quarantine_locked(store, attempt->lab, attempt->board, after->quarantine,
                                     after->quarantine_for, attempt->started_us + attempt->took_us,
                                     err);
    if (rc < 0)
        return rc;
    return store_run(store,
                     "INSERT INTO watched (lab, board, image, image_sha256, tag, asset,"
                     " flashed_us, failed, failures, retry_us, reason, aside, verdict)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                     " ON CONFLICT (lab, board) DO UPDATE SET image = excluded.image,"
                     " image_sha256 = excluded.image_sha256, tag = excluded.tag,"
                     " asset = excluded.asset, flashed_us = excluded.flashed_us,"
                     " failed = excluded.failed, failures = excluded.failures,"
                     " retry_us = excluded.retry_us, reason = excluded.reason,"
                     " aside = excluded.aside, verdict = excluded.verdict",
                     err, "ssssssisiisss", attempt->lab, attempt->board, after->image,
                     after->image_sha256, after->tag, after->asset, after->flashed_us,
                     after->failed, (int64_t)after->failures, after->retry_us, after->reason,
                     after->aside, verdict_name(after->verdict));
}

int store_attempt_end(struct store *store, int64_t id, const struct store_attempt *attempt,
                      const struct store_watched *after, struct err *err)
{
    int rc = db_begin(store->db, DB_WRITES, err);

    return rc < 0 ? rc : db_end(store->db, end_locked(store, id, attempt, after, err), err);
}

int64_t store_attempt_open(struct store *store, const char *lab, const char *board)
{
    cleanup_statement struct statement *statement = NULL;

    if (db_prepare(store->db,
                   "SELECT max(id) FROM attempts"
                   " WHERE lab = ? AND board = ? AND verdict IS NULL",
                   &statement, NULL) < 0)
        return 0;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    return statement_step(statement, NULL) == 1 ? statement_int(statement, 0) : 0;
}

int store_watched_forget(struct store *store, const char *lab, const char *board, struct err *err)
{
    int rc = store_run(
        store,
        "UPDATE watched SET failed = '', failures = 0, retry_us = 0, reason = '', aside = '',"
        " verdict = 'pass' WHERE lab = ? AND board = ?",
        err, "ss", lab, board);

    if (rc == 0 && !db_changes(store->db))
        rc = err_set(err, ERR_NOT_FOUND, "hil watch knows nothing of board %s in lab %s", board,
                     lab);
    return rc;
}

void store_watched_aside(struct store *store, const char *lab, struct strv *ret_boards,
                         struct strv *ret_reasons)
{
    cleanup_statement struct statement *statement = NULL;

    if (db_prepare(store->db, "SELECT board, aside FROM watched WHERE lab = ? AND aside <> ''",
                   &statement, &store->trouble) < 0)
        return;
    store_bind_text(statement, 1, lab);
    while (statement_step(statement, &store->trouble) == 1) {
        strv_add(ret_boards, statement_text(statement, 0));
        strv_add(ret_reasons, statement_text(statement, 1));
    }
}

/* ---- the last run ---------------------------------------------------------------------------- */

bool store_last_job(struct store *store, const char *lab, const char *board, int64_t since_us,
                    struct store_job *ret)
{
    cleanup_statement struct statement *statement = NULL;

    *ret = (struct store_job){0};
    if (db_prepare(store->db,
                   "SELECT reason, flash_us > 0, took_us > 0, run_id FROM jobs"
                   " WHERE lab IS ? AND board = ? AND at_us >= ? ORDER BY id DESC LIMIT 1",
                   &statement, &store->trouble) < 0)
        return false;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    statement_bind_int(statement, 3, since_us);
    if (statement_step(statement, &store->trouble) != 1)
        return false;
    ret->reason = xstrdup(statement_text(statement, 0));
    ret->flashed = statement_int(statement, 1);
    ret->took = statement_int(statement, 2);
    ret->run = statement_int(statement, 3);
    return true;
}

void store_job_done(struct store_job *job)
{
    free(job->reason);
    *job = (struct store_job){0};
}
