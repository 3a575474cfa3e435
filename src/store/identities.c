/* SPDX-License-Identifier: MIT */
#include "store/identities.h"

#include "store/identities_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_TRIES 5 /* each waits as long as the store does */

const char *const identity_state_names[IDENTITY_STATES + 1] = {"free",  "drawn",   "written",
                                                               "given", "retired", NULL};

void store_identity_done(struct store_identity *identity)
{
    free(identity->value);
    free(identity->pool);
    free(identity->board);
    free(identity->note);
    *identity = (struct store_identity){0};
}

/* ---- transactions ---------------------------------------------------------------------------- */

/* What an identity's fate hangs on is on the disk before anybody acts on it. */
int pool_begin(struct store *store, struct err *err)
{
    int rc = db_set_durable(store->db, true, err);

    if (rc < 0)
        return rc;
    for (int i = 0; i < BUSY_TRIES; i++) {
        rc = db_begin(store->db, DB_WRITES, err);
        if (rc != -ERR_BUSY)
            break;
    }
    if (rc < 0)
        db_set_durable(store->db, false, NULL);
    return rc;
}

int pool_end(struct store *store, int rc, struct err *err)
{
    rc = db_end(store->db, rc, err);
    db_set_durable(store->db, false, NULL);
    return rc;
}

/* ---- pools ----------------------------------------------------------------------------------- */

static int pool_index(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (str_eq(names[i], name))
            return i;
    return -1;
}

/* 1 with its kind, 0: there is no such pool. */
int pool_find(struct store *store, const char *pool, enum pool_kind *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db, "SELECT kind FROM pools WHERE name = ?", &statement, err), kind;

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, pool);
    rc = statement_step(statement, err);
    if (rc < 1)
        return rc;
    kind = pool_index(pool_kind_names, statement_text(statement, 0));
    if (kind < 0)
        return err_set(err, ERR_DATA, "pool %s is of a kind that this hil does not know", pool);
    *ret = (enum pool_kind)kind;
    return 1;
}

/* Keys are nobody's to read but their user's. */
static void close_to_others(const struct store *store)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    const char *file = db_file(store->db);

    for (size_t i = 0; file && i < ARRAY_SIZE(ends); i++) {
        cleanup_free char *path = xasprintf("%s%s", file, ends[i]);
        chmod(path, 0600);
    }
}

int pool_make(struct store *store, const char *pool, enum pool_kind kind, struct err *err)
{
    enum pool_kind is = kind;
    int rc = pool_find(store, pool, &is, err);

    if (rc < 0)
        return rc;
    if (is != kind)
        return err_set(err, ERR_USAGE, "pool %s is one of kind %s, not %s", pool,
                       pool_kind_names[is], pool_kind_names[kind]);
    if (kind == POOL_KEY)
        close_to_others(store);
    return rc ? 0
              : store_run(store, "INSERT INTO pools (name, kind) VALUES (?, ?)", err, "ss", pool,
                          pool_kind_names[kind]);
}

/* ---- reading --------------------------------------------------------------------------------- */

#define IDENTITY_COLUMNS "id, kind, state, value, pool, board, note, ifnull(drawn_us, 0), since_us"

static void take_row(struct statement *row, struct store_identity *ret)
{
    int kind = pool_index(pool_kind_names, statement_text(row, 1));
    int state = pool_index(identity_state_names, statement_text(row, 2));

    *ret = (struct store_identity){
        .id = statement_int(row, 0),
        .kind = kind < 0 ? POOL_KEY : (enum pool_kind)kind,
        .state = state < 0 ? IDENTITY_RETIRED : (enum identity_state)state,
        .value = xstrdup(statement_text(row, 3)),
        .pool = xstrdup(statement_text(row, 4)),
        .board = xstrdup(statement_text(row, 5)),
        .note = xstrdup(statement_text(row, 6)),
        .drawn_us = statement_int(row, 7),
        .since_us = statement_int(row, 8),
    };
}

/* 1 with the board's own, which it keeps; 0: it has none. */
static int find_own(struct store *store, const char *pool, const char *board,
                    struct store_identity *ret, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db,
                        "SELECT " IDENTITY_COLUMNS " FROM identities"
                        " WHERE pool = ? AND board = ? AND state <> 'retired'",
                        &statement, err);

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, pool);
    store_bind_text(statement, 2, board);
    rc = statement_step(statement, err);
    if (rc == 1)
        take_row(statement, ret);
    return rc;
}

bool store_pool_of_board(struct store *store, const char *pool, const char *board,
                         struct store_identity *ret)
{
    *ret = (struct store_identity){0};
    return find_own(store, pool, board, ret, NULL) == 1;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* A new row that is the board's at once. 1; 0: the value is there already, whoever has it. */
static int insert_drawn(struct store *store, const char *pool, enum pool_kind kind,
                        const char *value, const char *board, int64_t now_us, struct err *err)
{
    int rc = store_run(store,
                       "INSERT INTO identities"
                       " (pool, kind, value, state, board, drawn_us, since_us)"
                       " VALUES (?, ?, ?, 'drawn', ?, ?, ?) ON CONFLICT DO NOTHING",
                       err, "ssssii", pool, pool_kind_names[kind], value, board, now_us, now_us);

    return rc < 0 ? rc : db_changes(store->db) > 0;
}

/* The oldest free one of those that were imported one by one. 1: it is the board's now. */
static int draw_listed(struct store *store, const char *pool, const char *board, int64_t now_us,
                       struct err *err)
{
    int rc =
        store_run(store,
                  "UPDATE identities SET state = 'drawn', board = ?, drawn_us = ?, since_us = ?"
                  " WHERE id = (SELECT min(id) FROM identities WHERE pool = ?"
                  "  AND state = 'free')",
                  err, "siis", board, now_us, now_us, pool);

    return rc < 0 ? rc : db_changes(store->db) > 0;
}

static int first_range(struct store *store, const char *pool, int64_t *ret_id,
                       struct pool_span *ret, int64_t *ret_next, struct err *err)
{
    cleanup_statement struct statement *statement = NULL;
    int rc = db_prepare(store->db,
                        "SELECT id, prefix, digits, first, last, next FROM pool_ranges"
                        " WHERE pool = ? AND next <= last ORDER BY id LIMIT 1",
                        &statement, err);

    if (rc < 0)
        return rc;
    store_bind_text(statement, 1, pool);
    rc = statement_step(statement, err);
    if (rc < 1)
        return rc;
    *ret_id = statement_int(statement, 0);
    *ret = (struct pool_span){.digits = statement_int(statement, 2),
                              .first = statement_int(statement, 3),
                              .last = statement_int(statement, 4)};
    strncpy(ret->prefix, statement_text(statement, 1), sizeof ret->prefix - 1);
    *ret_next = statement_int(statement, 5);
    return 1;
}

/* The next of its ranges, past what somebody has imported on its own. */
static int draw_ranged(struct store *store, const char *pool, enum pool_kind kind,
                       const char *board, int64_t now_us, struct err *err)
{
    struct pool_span span;
    int64_t id = 0, next = 0;
    int rc;

    while ((rc = first_range(store, pool, &id, &span, &next, err)) == 1) {
        cleanup_free char *value = pool_span_value(&span, next);
        int drawn = insert_drawn(store, pool, kind, value, board, now_us, err);
        if (drawn >= 0)
            rc = store_run(store, "UPDATE pool_ranges SET next = ? WHERE id = ?", err, "ii",
                           next + 1, id);
        if (drawn < 0 || rc < 0)
            return drawn < 0 ? drawn : rc;
        if (drawn)
            return 1;
    }
    return rc;
}

static int draw_given(struct store *store, const struct pool_wish *wish, const char *board,
                      int64_t now_us, struct err *err)
{
    enum pool_kind kind = POOL_KEY;
    cleanup_free char *value = NULL;
    int rc = pool_find(store, wish->pool, &kind, err); /* made by its first key */

    if (rc == 0)
        rc = pool_make(store, wish->pool, kind, err);
    if (rc < 0)
        return rc;
    value = pool_value(kind, wish->value, err);
    if (!value)
        return -ERR_USAGE;
    rc = insert_drawn(store, wish->pool, kind, value, board, now_us, err);
    return rc == 0 ? err_set(err, ERR_REFUSED,
                             "pool %s: what was handed in for this board was handed in before",
                             wish->pool)
                   : rc;
}

static int draw_next(struct store *store, const char *pool, const char *board, int64_t now_us,
                     struct err *err)
{
    enum pool_kind kind = POOL_MAC;
    int rc = pool_find(store, pool, &kind, err);

    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no pool %s; fill it with: hil pool import %s",
                       pool, pool);
    if (rc == 1)
        rc = draw_listed(store, pool, board, now_us, err);
    if (rc == 0)
        rc = draw_ranged(store, pool, kind, board, now_us, err);
    return rc ? rc
              : err_set(err, ERR_NOT_FOUND, "pool %s is empty; more comes by: hil pool import %s",
                        pool, pool);
}

static int draw_one(struct store *store, const struct pool_wish *wish, const char *board,
                    int64_t now_us, struct store_identity *ret, struct err *err)
{
    int rc = find_own(store, wish->pool, board, ret, err);

    if (rc == 0)
        rc = wish->value ? draw_given(store, wish, board, now_us, err)
                         : draw_next(store, wish->pool, board, now_us, err);
    else
        return rc < 0 ? rc : 0;
    if (rc == 1)
        rc = find_own(store, wish->pool, board, ret, err);
    return rc < 0 ? rc : 0;
}

int store_pool_draw(struct store *store, const struct pool_wish *wishes, size_t count,
                    const char *board, int64_t now_us, struct store_identity *ret, struct err *err)
{
    int rc = pool_begin(store, err);

    for (size_t i = 0; i < count; i++)
        ret[i] = (struct store_identity){0};
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = draw_one(store, &wishes[i], board, now_us, &ret[i], err);
    rc = pool_end(store, rc, err);
    for (size_t i = 0; i < count && rc < 0; i++)
        store_identity_done(&ret[i]);
    return rc;
}

/* ---- what becomes of them -------------------------------------------------------------------- */

int store_pool_mark(struct store *store, const struct store_identity *identities, size_t count,
                    enum identity_state state, int64_t now_us, struct err *err)
{
    int rc = pool_begin(store, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = store_run(store,
                       "UPDATE identities SET"
                       " since_us = CASE WHEN state = 'given' THEN since_us ELSE ? END,"
                       " state = CASE WHEN state = 'given' THEN state ELSE ? END"
                       " WHERE id = ? AND board = ? AND state <> 'retired'",
                       err, "isis", now_us, identity_state_names[state], identities[i].id,
                       identities[i].board);
        if (rc == 0 && !db_changes(store->db))
            rc = err_set(err, ERR_REFUSED, "%s of pool %s is not this board's any more",
                         identities[i].value, identities[i].pool);
    }
    return pool_end(store, rc, err);
}

/* ---- lists ----------------------------------------------------------------------------------- */

int store_pools(struct store *store, struct store_pool **ret, size_t *ret_count, struct err *err)
{
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(
        store->db,
        "SELECT name, kind,"
        " (SELECT count(*) FROM identities i WHERE i.pool = name AND state = 'free')"
        " + ifnull((SELECT sum(last - next + 1) FROM pool_ranges r WHERE r.pool = name), 0),"
        " (SELECT count(*) FROM identities i WHERE i.pool = name"
        "  AND state IN ('drawn', 'written')),"
        " (SELECT count(*) FROM identities i WHERE i.pool = name AND state = 'given'),"
        " (SELECT count(*) FROM identities i WHERE i.pool = name AND state = 'retired')"
        " FROM pools ORDER BY name",
        &row, err);

    *ret = NULL;
    *ret_count = 0;
    while (rc == 0 && (rc = statement_step(row, err)) == 1) {
        int kind = pool_index(pool_kind_names, statement_text(row, 1));
        *ret = xrealloc(*ret, *ret_count + 1, sizeof **ret);
        (*ret)[(*ret_count)++] = (struct store_pool){
            .name = xstrdup(statement_text(row, 0)),
            .kind = kind < 0 ? POOL_KEY : (enum pool_kind)kind,
            .free = (uint64_t)statement_int(row, 2),
            .in_doubt = (uint64_t)statement_int(row, 3),
            .given = (uint64_t)statement_int(row, 4),
            .retired = (uint64_t)statement_int(row, 5),
        };
        rc = 0;
    }
    if (rc < 0)
        store_pools_done(*ret, *ret_count);
    return rc < 0 ? rc : 0;
}

void store_pools_done(struct store_pool *pools, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(pools[i].name);
    free(pools);
}

int store_identities(struct store *store, const char *pool,
                     void (*take)(void *arg, const struct store_identity *identity), void *arg,
                     struct err *err)
{
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(store->db,
                        "SELECT " IDENTITY_COLUMNS " FROM identities WHERE ?1 IS NULL OR pool = ?1"
                        " ORDER BY board IS NULL, board, id",
                        &row, err);

    if (rc < 0)
        return rc;
    store_bind_text(row, 1, pool);
    while ((rc = statement_step(row, err)) == 1) {
        struct store_identity identity;
        take_row(row, &identity);
        take(arg, &identity);
        store_identity_done(&identity);
    }
    return rc;
}
