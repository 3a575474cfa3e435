/* SPDX-License-Identifier: MIT */
#include "store/rigged.h"

#include "store/parts.h"

int store_rigged_begin(struct store *store, const struct store_rigged *rigged, int64_t *ret_id,
                       struct err *err)
{
    int rc = store_run(store,
                       "INSERT INTO rigged (lab, board, slot, path, image_sha256, image_file,"
                       " started_us, took_us) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                       err, "ssisssi", rigged->lab, rigged->board, (int64_t)rigged->slot,
                       rigged->path, rigged->image_sha256, rigged->image_file, rigged->started_us);

    *ret_id = rc == 0 ? db_insert_id(store->db) : 0;
    return rc;
}

int store_rigged_end(struct store *store, int64_t id, const struct store_rigged *rigged,
                     struct err *err)
{
    return store_run(store,
                     "UPDATE rigged SET took_us = ?, outcome = ?, step = ?, reason = ?,"
                     " identity = ? WHERE id = ?",
                     err, "issssi", rigged->took_us, rigged->outcome, rigged->step, rigged->reason,
                     rigged->identity, id);
}

int store_rigged_done(struct store *store, const char *lab, const char *board, const char *sha256,
                      int64_t *ret_us, unsigned *ret_slot, struct err *err)
{
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(store->db,
                        "SELECT started_us + took_us, slot FROM rigged WHERE lab = ?"
                        " AND board = ? AND outcome = 'done' AND image_sha256 IS ?"
                        " ORDER BY id DESC LIMIT 1",
                        &row, err);

    if (rc < 0)
        return rc;
    store_bind_text(row, 1, lab);
    store_bind_text(row, 2, board);
    store_bind_text(row, 3, sha256);
    rc = statement_step(row, err);
    if (rc < 1)
        return rc;
    *ret_us = statement_int(row, 0);
    *ret_slot = (unsigned)statement_int(row, 1);
    return 1;
}

int store_rigged_each(struct store *store, const char *lab, int64_t since_us,
                      void (*take)(void *arg, const struct store_rigged *rigged), void *arg,
                      struct err *err)
{
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(store->db,
                        "SELECT id, board, path, image_sha256, image_file, slot, started_us,"
                        " took_us, outcome, step, reason, identity FROM rigged"
                        " WHERE lab = ? AND started_us >= ? ORDER BY id",
                        &row, err);

    if (rc < 0)
        return rc;
    store_bind_text(row, 1, lab);
    statement_bind_int(row, 2, since_us);
    while ((rc = statement_step(row, err)) == 1)
        take(arg, &(struct store_rigged){.lab = lab,
                                         .id = statement_int(row, 0),
                                         .board = statement_text(row, 1),
                                         .path = statement_text(row, 2),
                                         .image_sha256 = statement_text(row, 3),
                                         .image_file = statement_text(row, 4),
                                         .slot = (unsigned)statement_int(row, 5),
                                         .started_us = statement_int(row, 6),
                                         .took_us = statement_int(row, 7),
                                         .outcome = statement_text(row, 8),
                                         .step = statement_text(row, 9),
                                         .reason = statement_text(row, 10),
                                         .identity = statement_text(row, 11)});
    return rc;
}
