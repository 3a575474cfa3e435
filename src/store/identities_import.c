/* SPDX-License-Identifier: MIT */
/* How identities come into a pool, and how they leave it. */
#include "store/identities_parts.h"

#include <stdio.h>
#include <string.h>

struct range_row {
    int64_t id, first, last, next;
    char pool[64 + 1];
};

/* The range, of whatever pool, whose undrawn part shares a value with the span. 1 with its pool and
 * whether it is the very same range, first to last; 0: there is none. */
static int find_range(struct store *store, enum pool_kind kind, const struct pool_span *span,
                      struct range_row *ret, struct err *err)
{
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(store->db,
                        "SELECT r.id, pool, first, last, next FROM pool_ranges r"
                        " JOIN pools p ON p.name = pool WHERE kind = ? AND prefix = ?"
                        " AND digits = ? AND ? >= next AND ? <= last ORDER BY r.id LIMIT 1",
                        &row, err);

    if (rc < 0)
        return rc;
    store_bind_text(row, 1, pool_kind_names[kind]);
    store_bind_text(row, 2, span->prefix);
    statement_bind_int(row, 3, span->digits);
    statement_bind_int(row, 4, span->last);
    statement_bind_int(row, 5, span->first);
    rc = statement_step(row, err);
    if (rc == 1) {
        *ret = (struct range_row){.id = statement_int(row, 0),
                                  .first = statement_int(row, 2),
                                  .last = statement_int(row, 3),
                                  .next = statement_int(row, 4)};
        snprintf(ret->pool, sizeof ret->pool, "%s", statement_text(row, 1));
    }
    return rc;
}

/* A value as the range of just itself; false: it is of a kind that has none. */
static bool as_span(enum pool_kind kind, const char *value, struct pool_span *ret)
{
    cleanup_free char *pair = xasprintf("%s-%s", value, value);

    return pool_span_parse(kind, pair, ret, NULL) == 1;
}

static int add_value(struct store *store, const char *pool, enum pool_kind kind, const char *text,
                     struct pool_imported *ret, struct err *err)
{
    cleanup_free char *value = pool_value(kind, text, err);
    struct pool_span span;
    struct range_row range = {0};
    int rc = 0;

    if (!value)
        return -ERR_USAGE;
    if (as_span(kind, value, &span))
        rc = find_range(store, kind, &span, &range, err);
    if (rc == 0)
        rc = store_run(store,
                       "INSERT INTO identities (pool, kind, value, state, since_us)"
                       " VALUES (?, ?, ?, 'free', 0)"
                       " ON CONFLICT DO NOTHING",
                       err, "sss", pool, pool_kind_names[kind], value);
    if (rc < 0)
        return rc;
    if (rc == 0 && db_changes(store->db))
        ret->added++;
    else
        ret->known++;
    return 0;
}

/* How many of a range are there as values already: they have one length, so text order is
 * theirs. */
static int count_values(struct store *store, enum pool_kind kind, const struct pool_span *span,
                        int64_t *ret, struct err *err)
{
    cleanup_free char *first = pool_span_value(span, span->first);
    cleanup_free char *last = pool_span_value(span, span->last);
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(store->db,
                        "SELECT count(*) FROM identities WHERE kind = ?1"
                        " AND value BETWEEN ?2 AND ?3 AND length(value) = length(?2)",
                        &row, err);

    if (rc < 0)
        return rc;
    store_bind_text(row, 1, pool_kind_names[kind]);
    store_bind_text(row, 2, first);
    store_bind_text(row, 3, last);
    rc = statement_step(row, err);
    *ret = rc == 1 ? statement_int(row, 0) : 0;
    return rc < 0 ? rc : 0;
}

/* True where the pool has just this range, however much of it was drawn. */
static bool has_range(struct store *store, const char *pool, const struct pool_span *span)
{
    cleanup_statement struct statement *row = NULL;

    if (db_prepare(store->db,
                   "SELECT 1 FROM pool_ranges WHERE pool = ? AND prefix = ? AND digits = ?"
                   " AND first = ? AND last = ?",
                   &row, NULL) < 0)
        return false;
    store_bind_text(row, 1, pool);
    store_bind_text(row, 2, span->prefix);
    statement_bind_int(row, 3, span->digits);
    statement_bind_int(row, 4, span->first);
    statement_bind_int(row, 5, span->last);
    return statement_step(row, NULL) == 1;
}

static int put_range(struct store *store, const char *pool, const struct pool_span *span,
                     struct err *err)
{
    return store_run(store,
                     "INSERT INTO pool_ranges (pool, prefix, digits, first, last, next)"
                     " VALUES (?, ?, ?, ?, ?, ?)",
                     err, "ssiiii", pool, span->prefix, (int64_t)span->digits, span->first,
                     span->last, span->first);
}

/* The same range again is known; one that overlaps what is there is a mistake of somebody's. */
static int add_span(struct store *store, const char *pool, enum pool_kind kind,
                    const struct pool_span *span, struct pool_imported *ret, struct err *err)
{
    cleanup_free char *first = pool_span_value(span, span->first);
    uint64_t size = (uint64_t)(span->last - span->first) + 1;
    struct range_row range = {0};
    int64_t values = 0;
    int rc;

    if (has_range(store, pool, span)) {
        ret->known += size;
        return 0;
    }
    rc = find_range(store, kind, span, &range, err);
    if (rc == 1)
        return err_set(err, ERR_USAGE, "the range from %s overlaps one of pool %s", first,
                       range.pool);
    if (rc == 0)
        rc = count_values(store, kind, span, &values, err);
    if (rc == 0 && values)
        return err_set(err, ERR_USAGE, "of the range from %s %lld are there already; hil pool show",
                       first, (long long)values);
    ret->added += size;
    return rc < 0 ? rc : put_range(store, pool, span, err);
}

static int import_locked(struct store *store, const char *pool, enum pool_kind kind,
                         const struct strv *items, bool ranges, struct pool_imported *ret,
                         struct err *err)
{
    int rc = pool_make(store, pool, kind, err);

    for (size_t i = 0; i < items->count && rc == 0; i++) {
        struct pool_span span;
        rc = ranges ? pool_span_parse(kind, items->items[i], &span, err) : 0;
        if (rc == 1)
            rc = add_span(store, pool, kind, &span, ret, err);
        else if (rc == 0)
            rc = add_value(store, pool, kind, items->items[i], ret, err);
    }
    return rc;
}

int store_pool_import(struct store *store, const char *pool, enum pool_kind kind,
                      const struct strv *items, bool ranges, struct pool_imported *ret,
                      struct err *err)
{
    int rc = pool_begin(store, err);

    *ret = (struct pool_imported){0};
    return rc < 0 ? rc
                  : pool_end(store, import_locked(store, pool, kind, items, ranges, ret, err), err);
}

/* ---- retiring -------------------------------------------------------------------------------- */

/* One that lies in a range and was not drawn: the range ends before it, another begins behind. */
static int retire_undrawn(struct store *store, const char *pool, enum pool_kind kind,
                          const char *value, const char *reason, int64_t now_us, struct err *err)
{
    struct pool_span span;
    struct range_row range = {0};
    int rc = as_span(kind, value, &span) ? find_range(store, kind, &span, &range, err) : 0;

    if (rc < 1 || !str_eq(range.pool, pool))
        return rc < 0 ? rc : 0;
    int64_t at = span.first;
    rc = store_run(store, "UPDATE pool_ranges SET last = ? WHERE id = ?", err, "ii", at - 1,
                   range.id);
    span.first = at + 1;
    span.last = range.last;
    if (rc == 0 && span.first <= span.last)
        rc = put_range(store, pool, &span, err);
    if (rc == 0)
        rc = store_run(store,
                       "INSERT INTO identities (pool, kind, value, state, since_us, note)"
                       " VALUES (?, ?, ?, 'retired', ?, ?)",
                       err, "sssis", pool, pool_kind_names[kind], value, now_us, reason);
    return rc < 0 ? rc : 1;
}

static int retire_locked(struct store *store, const char *pool, const char *text,
                         const char *reason, int64_t now_us, struct err *err)
{
    enum pool_kind kind = POOL_MAC;
    int rc = pool_find(store, pool, &kind, err);

    if (rc == 0)
        return err_set(err, ERR_NOT_FOUND, "there is no pool %s", pool);
    cleanup_free char *value = rc == 1 ? pool_value(kind, text, err) : NULL;
    if (!value)
        return rc < 0 ? rc : -ERR_USAGE;
    rc = store_run(store,
                   "UPDATE identities SET state = 'retired', since_us = ?, note = ?"
                   " WHERE pool = ? AND value = ?",
                   err, "isss", now_us, reason, pool, value);
    if (rc < 0)
        return rc;
    if (db_changes(store->db))
        return 0;
    rc = retire_undrawn(store, pool, kind, value, reason, now_us, err);
    return rc == 0 ? err_set(err, ERR_NOT_FOUND, "pool %s has no %s", pool, value)
                   : (rc < 0 ? rc : 0);
}

int store_pool_retire(struct store *store, const char *pool, const char *value, const char *reason,
                      int64_t now_us, struct err *err)
{
    int rc = pool_begin(store, err);

    return rc < 0 ? rc
                  : pool_end(store, retire_locked(store, pool, value, reason, now_us, err), err);
}

/* ---- listing --------------------------------------------------------------------------------- */

int store_pool_ranges(struct store *store, const char *pool,
                      void (*take)(void *arg, const struct pool_range *range), void *arg,
                      struct err *err)
{
    cleanup_statement struct statement *row = NULL;
    int rc = db_prepare(store->db,
                        "SELECT prefix, digits, first, last, next FROM pool_ranges"
                        " WHERE pool = ? ORDER BY id",
                        &row, err);

    if (rc < 0)
        return rc;
    store_bind_text(row, 1, pool);
    while ((rc = statement_step(row, err)) == 1) {
        struct pool_span span = {.digits = statement_int(row, 1),
                                 .first = statement_int(row, 2),
                                 .last = statement_int(row, 3)};
        int64_t next = statement_int(row, 4);
        strncpy(span.prefix, statement_text(row, 0), sizeof span.prefix - 1);
        cleanup_free char *first = pool_span_value(&span, span.first);
        cleanup_free char *last = pool_span_value(&span, span.last);
        cleanup_free char *at = next <= span.last ? pool_span_value(&span, next) : NULL;
        take(arg, &(struct pool_range){first, last, at});
    }
    return rc;
}
