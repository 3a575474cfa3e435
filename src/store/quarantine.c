/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"
#include "base/str.h"
#include "base/text.h"
#include "store/parts.h"

#include <stdio.h>

int store_quarantine_locked(struct store *store, const char *lab, const char *board,
                            const char *reason, const char *image, int64_t unix_us, struct err *err)
{
    int rc = store_run(store,
                       "INSERT INTO quarantine (lab, board, reason, image, since_us)"
                       " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                       err, "ssssi", lab, board, reason, image, unix_us);

    if (rc < 0 || !db_changes(store->db))
        return rc;
    return store_event(store, "quarantine", lab, board, reason, unix_us, err);
}

int store_quarantine(struct store *store, const char *lab, const char *board, const char *reason,
                     int64_t unix_s, struct err *err)
{
    int rc = db_begin(store->db, DB_WRITES, err);

    if (rc < 0)
        return rc;
    rc = store_quarantine_locked(store, lab, board, reason, NULL, unix_s * 1000000, err);
    return db_end(store->db, rc, err);
}

static bool read_quarantine(struct store *store, struct store_quarantine *ret)
{
    struct statement *statement = store->quarantined;

    if (statement_step(statement, &store->trouble) != 1)
        return false;
    cleanup_free char *fits =
        text_clean_dup(statement_text(statement, 0), sizeof ret->reason - 1, TEXT_ONE_LINE);
    snprintf(ret->reason, sizeof ret->reason, "%s", fits);
    ret->unix_s = statement_int(statement, 1) / 1000000;
    return true;
}

bool store_quarantined(struct store *store, const char *lab, const char *board,
                       struct store_quarantine *ret)
{
    bool found;

    if (!store->quarantined &&
        db_prepare(store->db, "SELECT reason, since_us FROM quarantine WHERE lab = ? AND board = ?",
                   &store->quarantined, &store->trouble) < 0)
        return false;
    store_bind_text(store->quarantined, 1, lab);
    store_bind_text(store->quarantined, 2, board);
    found = read_quarantine(store, ret);
    statement_reset(
        store->quarantined); /* ends the read, which would hold up the write-ahead log */
    return found;
}

static int release_locked(struct store *store, const char *lab, const char *board, bool *ret,
                          struct err *err)
{
    int rc = store_run(store,
                       "INSERT INTO events (at_us, lab, board, kind, text)"
                       " SELECT ?, lab, board, 'release', reason"
                       " FROM quarantine WHERE lab = ? AND board = ?",
                       err, "iss", ctx_unix_us(), lab, board);

    *ret = rc == 0 && db_changes(store->db) > 0;
    return !*ret ? rc
                 : store_run(store, "DELETE FROM quarantine WHERE lab = ? AND board = ?", err, "ss",
                             lab, board);
}

int store_release(struct store *store, const char *lab, const char *board, bool *ret,
                  struct err *err)
{
    int rc = db_begin(store->db, DB_WRITES, err);

    *ret = false;
    return rc < 0 ? rc : db_end(store->db, release_locked(store, lab, board, ret, err), err);
}
