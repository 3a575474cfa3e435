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

static void take_text(sqlite3_stmt *statement, int at, char **ret)
{
    store_watched_set(ret, (const char *)sqlite3_column_text(statement, at));
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
    cleanup_statement sqlite3_stmt *statement = NULL;
    int rc = store_prepare(store,
                           "SELECT count(*), ifnull(min(started_us), 0) FROM attempts"
                           " WHERE lab = ? AND board = ? AND started_us >= ? AND wrote",
                           &statement, err);

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    sqlite3_bind_int64(statement, 3, since_us);
    if (sqlite3_step(statement) != SQLITE_ROW)
        return store_failed(store, err);
    ret->flashes = (uint64_t)sqlite3_column_int64(statement, 0);
    ret->first_us = sqlite3_column_int64(statement, 1);
    return 0;
}

static int read_quarantine(struct store *store, const char *lab, const char *board,
                           struct store_watched *ret, struct err *err)
{
    cleanup_statement sqlite3_stmt *statement = NULL;
    int rc = store_prepare(
        store, "SELECT reason, image FROM quarantine WHERE lab = ? AND board = ?", &statement, err);
    int step;

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    step = sqlite3_step(statement);
    if (step == SQLITE_ROW) {
        take_text(statement, 0, &ret->quarantine);
        take_text(statement, 1, &ret->quarantine_for);
    }
    return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(store, err);
}

static void take_row(sqlite3_stmt *row, struct store_watched *ret)
{
    take_text(row, 0, &ret->image);
    take_text(row, 1, &ret->image_sha256);
    take_text(row, 2, &ret->tag);
    take_text(row, 3, &ret->asset);
    ret->flashed_us = sqlite3_column_int64(row, 4);
    take_text(row, 5, &ret->failed);
    ret->failures = (unsigned)sqlite3_column_int64(row, 6);
    ret->retry_us = sqlite3_column_int64(row, 7);
    take_text(row, 8, &ret->reason);
    take_text(row, 9, &ret->aside);
    if (!store_verdict((const char *)sqlite3_column_text(row, 10), &ret->verdict))
        ret->verdict = VERDICT_PASS;
    ret->overwritten = sqlite3_column_int(row, 11);
    ret->known = true;
}

int store_watched(struct store *store, const char *lab, const char *board, int64_t since_us,
                  struct store_watched *ret, struct err *err)
{
    cleanup_statement sqlite3_stmt *statement = NULL;
    char **const texts[] = {&ret->image, &ret->image_sha256, &ret->tag,
                            &ret->asset, &ret->failed,       &ret->reason,
                            &ret->aside, &ret->quarantine,   &ret->quarantine_for};
    int rc, step;

    *ret = (struct store_watched){.verdict = VERDICT_PASS};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        *texts[i] = xstrdup("");
    rc = count_flashes(store, lab, board, since_us, ret, err);
    if (rc == 0)
        rc = read_quarantine(store, lab, board, ret, err);
    if (rc == 0)
        rc = store_prepare(store,
                           "SELECT w.image, w.image_sha256, w.tag, w.asset, w.flashed_us, w.failed,"
                           " w.failures, w.retry_us, w.reason, w.aside, w.verdict,"
                           " c.board IS NOT NULL AND c.image_sha256 IS NOT w.image_sha256"
                           " FROM watched w LEFT JOIN carried c USING (lab, board)"
                           " WHERE lab = ? AND board = ?",
                           &statement, err);
    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    step = sqlite3_step(statement);
    if (step == SQLITE_ROW)
        take_row(statement, ret);
    return step == SQLITE_ROW || step == SQLITE_DONE ? 0 : store_failed(store, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

int store_carries(struct store *store, const char *lab, const char *board, const char *sha256,
                  const char *file, int64_t unix_us, struct err *err)
{
    return store_run(store,
                     "INSERT INTO carried (lab, board, image_sha256, image_file, since_us)"
                     " VALUES (?, ?, ?, ?, ?) ON CONFLICT (lab, board) DO UPDATE SET"
                     " image_sha256 = excluded.image_sha256, image_file = excluded.image_file,"
                     " since_us = excluded.since_us WHERE excluded.since_us >= since_us",
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

    *ret_id = rc == 0 ? sqlite3_last_insert_rowid(store->db) : 0;
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
                     "INSERT OR REPLACE INTO watched (lab, board, image, image_sha256, tag, asset,"
                     " flashed_us, failed, failures, retry_us, reason, aside, verdict)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     err, "ssssssisiisss", attempt->lab, attempt->board, after->image,
                     after->image_sha256, after->tag, after->asset, after->flashed_us,
                     after->failed, (int64_t)after->failures, after->retry_us, after->reason,
                     after->aside, verdict_name(after->verdict));
}

int store_attempt_end(struct store *store, int64_t id, const struct store_attempt *attempt,
                      const struct store_watched *after, struct err *err)
{
    int rc = store_execute(store, "BEGIN IMMEDIATE", err);

    return rc < 0 ? rc
                  : store_end_transaction(store, end_locked(store, id, attempt, after, err), err);
}

int64_t store_attempt_open(struct store *store, const char *lab, const char *board)
{
    cleanup_statement sqlite3_stmt *statement = NULL;

    if (store_prepare(store,
                      "SELECT max(id) FROM attempts"
                      " WHERE lab = ? AND board = ? AND verdict IS NULL",
                      &statement, NULL) < 0)
        return 0;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    return sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
}

int store_watched_forget(struct store *store, const char *lab, const char *board, struct err *err)
{
    int rc = store_run(
        store,
        "UPDATE watched SET failed = '', failures = 0, retry_us = 0, reason = '', aside = '',"
        " verdict = 'pass' WHERE lab = ? AND board = ?",
        err, "ss", lab, board);

    if (rc == 0 && !sqlite3_changes(store->db))
        rc = err_set(err, ERR_NOT_FOUND, "hil watch knows nothing of board %s in lab %s", board,
                     lab);
    return rc;
}

void store_watched_aside(struct store *store, const char *lab, struct strv *ret_boards,
                         struct strv *ret_reasons)
{
    cleanup_statement sqlite3_stmt *statement = NULL;

    if (store_prepare(store, "SELECT board, aside FROM watched WHERE lab = ? AND aside <> ''",
                      &statement, NULL) < 0)
        return;
    store_bind_text(statement, 1, lab);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        strv_add(ret_boards, (const char *)sqlite3_column_text(statement, 0));
        strv_add(ret_reasons, (const char *)sqlite3_column_text(statement, 1));
    }
}

/* ---- the last run ---------------------------------------------------------------------------- */

bool store_last_job(struct store *store, const char *lab, const char *board, int64_t since_us,
                    struct store_job *ret)
{
    cleanup_statement sqlite3_stmt *statement = NULL;

    *ret = (struct store_job){0};
    if (store_prepare(store,
                      "SELECT reason, flash_us > 0, took_us > 0, run_id FROM jobs"
                      " WHERE lab IS ? AND board = ? AND at_us >= ? ORDER BY id DESC LIMIT 1",
                      &statement, NULL) < 0)
        return false;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    sqlite3_bind_int64(statement, 3, since_us);
    if (sqlite3_step(statement) != SQLITE_ROW)
        return false;
    ret->reason = xstrdup((const char *)sqlite3_column_text(statement, 0));
    ret->flashed = sqlite3_column_int(statement, 1);
    ret->took = sqlite3_column_int(statement, 2);
    ret->run = sqlite3_column_int64(statement, 3);
    return true;
}

void store_job_done(struct store_job *job)
{
    free(job->reason);
    *job = (struct store_job){0};
}
