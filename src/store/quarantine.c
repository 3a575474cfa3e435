/* SPDX-License-Identifier: MIT */
#include "base/str.h"
#include "base/text.h"
#include "store/parts.h"

#include <stdio.h>

int store_quarantine(struct store *store, const char *lab, const char *board, const char *reason,
                     int64_t unix_s, struct err *err)
{
    return store_run(store,
                     "INSERT OR IGNORE INTO quarantine (lab, board, reason, since_us)"
                     " VALUES (?, ?, ?, ?)",
                     err, "sssi", lab, board, reason, unix_s * 1000000);
}

bool store_quarantined(struct store *store, const char *lab, const char *board,
                       struct store_quarantine *ret)
{
    cleanup_statement sqlite3_stmt *statement = NULL;

    if (store_prepare(store, "SELECT reason, since_us FROM quarantine WHERE lab = ? AND board = ?",
                      &statement, NULL) < 0)
        return false;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    if (sqlite3_step(statement) != SQLITE_ROW)
        return false;
    cleanup_free char *fits = text_clean_dup((const char *)sqlite3_column_text(statement, 0),
                                             sizeof ret->reason - 1, TEXT_ONE_LINE);
    snprintf(ret->reason, sizeof ret->reason, "%s", fits);
    ret->unix_s = sqlite3_column_int64(statement, 1) / 1000000;
    return true;
}

int store_release(struct store *store, const char *lab, const char *board, bool *ret,
                  struct err *err)
{
    int rc = store_run(store, "DELETE FROM quarantine WHERE lab = ? AND board = ?", err, "ss", lab,
                       board);

    *ret = rc == 0 && sqlite3_changes(store->db) > 0;
    return rc;
}
