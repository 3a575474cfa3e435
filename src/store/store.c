/* SPDX-License-Identifier: MIT */
#include "store/parts.h"

#include "base/fs.h"
#include "base/str.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024 /* bytes of one text that a board or a person gave */
#define MEDIAN_OF 5
#define DURATIONS_LOOKED_AT 100 /* good runs, for some on the right board */

static int open_file(const char *state_dir, bool create, struct db **ret, struct err *err)
{
    cleanup_free char *path = fs_join(state_dir, "history.db");
    int rc = create ? fs_mkdirs(state_dir, 0755, err) : 0;

    return rc < 0 ? rc : db_open_file(path, create, ret, err);
}

int store_open(const struct store_conf *conf, const char *state_dir, bool create,
               struct store **ret, struct err *err)
{
    return store_open_within(conf, state_dir, create, NULL, ret, err);
}

int store_open_within(const struct store_conf *conf, const char *state_dir, bool create,
                      const struct ctx *ctx, struct store **ret, struct err *err)
{
    struct db *db = NULL;
    int rc = conf && conf->url ? db_open_server(conf->url, create, ctx, &db, err)
                               : open_file(state_dir, create, &db, err);

    if (rc < 0)
        return rc;
    *ret = xcalloc(1, sizeof **ret);
    (*ret)->db = db;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    statement_free(store->last);
    statement_free(store->quarantined);
    db_close(store->db);
    free(store);
}

void store_within(struct store *store, const struct ctx *ctx)
{
    if (store)
        db_within(store->db, ctx);
}

void store_rest(struct store *store)
{
    if (store)
        db_rest(store->db);
}

const struct err *store_trouble(const struct store *store)
{
    return store->trouble.code ? &store->trouble : NULL;
}

/* ---- statements ---------------------------------------------------------------------------- */

void store_statement_done(struct statement **statement)
{
    statement_free(*statement);
}

char *store_clean(const char *text)
{
    return text ? text_clean_dup(text, TEXT_MAX, TEXT_ONE_LINE) : NULL;
}

void store_bind_text(struct statement *statement, int at, const char *text)
{
    statement_bind_text(statement, at, store_clean(text));
}

static void bind_all(struct statement *statement, const char *kinds, va_list args)
{
    for (int at = 1; kinds[at - 1]; at++) {
        if (kinds[at - 1] == 's')
            store_bind_text(statement, at, va_arg(args, const char *));
        else
            statement_bind_int(statement, at, va_arg(args, int64_t));
    }
}

static int step_once(struct statement *statement, struct err *err, const char *kinds, va_list args)
{
    int rc;

    bind_all(statement, kinds, args);
    rc = statement_step(statement, err);
    statement_reset(statement);
    return rc;
}

int store_add(struct statement *statement, struct err *err, const char *kinds, ...)
{
    va_list args;

    va_start(args, kinds);
    bind_all(statement, kinds, args);
    va_end(args);
    return statement_add(statement, err);
}

int store_insert(struct statement *statement, struct err *err, const char *kinds, ...)
{
    va_list args;
    int rc;

    va_start(args, kinds);
    rc = step_once(statement, err, kinds, args);
    va_end(args);
    return rc;
}

int store_run(struct store *store, const char *sql, struct err *err, const char *kinds, ...)
{
    cleanup_statement struct statement *statement = NULL;
    va_list args;
    int rc = db_prepare(store->db, sql, &statement, err);

    va_start(args, kinds);
    if (rc == 0)
        rc = step_once(statement, err, kinds, args);
    va_end(args);
    return rc;
}

bool store_verdict(const char *name, enum verdict *ret)
{
    for (enum verdict verdict = VERDICT_PASS; verdict <= VERDICT_INFRA; verdict++) {
        if (str_eq(verdict_name(verdict), name)) {
            *ret = verdict;
            return true;
        }
    }
    return false;
}

/* ---- asking -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

static int64_t median(int64_t *values, size_t count)
{
    if (!count)
        return -1;
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

int64_t store_duration(struct store *store, const char *lab, const char *test,
                       const struct strv *boards)
{
    cleanup_statement struct statement *statement = NULL;
    int64_t here_us[MEDIAN_OF], any_us[MEDIAN_OF];
    size_t here = 0, any = 0;

    if (db_prepare(store->db,
                   "SELECT took_us, board FROM jobs"
                   " WHERE lab IS ? AND test = ? AND verdict = 'pass' ORDER BY id DESC LIMIT ?",
                   &statement, &store->trouble) < 0)
        return -1;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, test);
    statement_bind_int(statement, 3, boards ? DURATIONS_LOOKED_AT : MEDIAN_OF);
    while (here < MEDIAN_OF && statement_step(statement, &store->trouble) == 1) {
        const char *board = statement_text(statement, 1);
        if (any < MEDIAN_OF)
            any_us[any++] = statement_int(statement, 0);
        if (boards && board && strv_has(boards, board))
            here_us[here++] = statement_int(statement, 0);
    }
    return here ? median(here_us, here) : median(any_us, any);
}

static bool read_last(struct store *store, struct store_last *ret)
{
    struct statement *statement = store->last;
    const char *test;

    if (statement_step(statement, &store->trouble) != 1 ||
        !store_verdict(statement_text(statement, 0), &ret->verdict))
        return false;
    test = statement_text(statement, 1);
    cleanup_free char *fits = text_clean_dup(test ? test : "", sizeof ret->test - 1, 0);
    snprintf(ret->test, sizeof ret->test, "%s", fits);
    ret->unix_s = statement_int(statement, 2) / 1000000;
    return true;
}

bool store_last(struct store *store, const char *lab, const char *board, struct store_last *ret)
{
    bool found;

    if (!store->last && db_prepare(store->db,
                                   "SELECT verdict, test, started_us FROM jobs"
                                   " WHERE lab IS ? AND board = ? ORDER BY id DESC LIMIT 1",
                                   &store->last, &store->trouble) < 0)
        return false;
    store_bind_text(store->last, 1, lab);
    store_bind_text(store->last, 2, board);
    found = read_last(store, ret);
    statement_reset(store->last); /* ends the read, which would hold up the write-ahead log */
    return found;
}

unsigned store_infra_streak(struct store *store, const char *lab, const char *board, unsigned max,
                            int64_t *ret_unix_s)
{
    cleanup_statement struct statement *statement = NULL;
    unsigned count = 0;

    *ret_unix_s = 0;
    if (db_prepare(store->db,
                   "SELECT verdict, started_us + took_us FROM jobs"
                   " WHERE lab IS ? AND board = ? AND NOT (verdict = 'infra' AND"
                   " (took_us = 0 OR reason LIKE '%cancelled%')) ORDER BY id DESC LIMIT ?",
                   &statement, &store->trouble) < 0)
        return 0;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    statement_bind_int(statement, 3, max);
    while (statement_step(statement, &store->trouble) == 1 &&
           str_eq(statement_text(statement, 0), verdict_name(VERDICT_INFRA)))
        if (count++ == 0)
            *ret_unix_s = statement_int(statement, 1) / 1000000;
    return count;
}

int64_t store_last_start_us(struct store *store, const char *lab, const char *board,
                            const char *test)
{
    cleanup_statement struct statement *statement = NULL;

    if (db_prepare(store->db,
                   "SELECT max(started_us) FROM jobs WHERE lab IS ? AND board = ? AND test = ?",
                   &statement, &store->trouble) < 0)
        return 0;
    store_bind_text(statement, 1, lab);
    store_bind_text(statement, 2, board);
    store_bind_text(statement, 3, test);
    return statement_step(statement, &store->trouble) == 1 ? statement_int(statement, 0) : 0;
}
