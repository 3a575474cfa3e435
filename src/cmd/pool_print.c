/* SPDX-License-Identifier: MIT */
#include "cmd/pool_print.h"

#include "base/rows.h"
#include "base/term.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum rows_format format_of(const struct pool_options *options)
{
    return options->csv ? ROWS_CSV : ROWS_JSON;
}

static void describe_pool(struct rows *out, const struct store_pool *pool)
{
    rows_string(out, "pool", pool->name);
    rows_string(out, "kind", pool_kind_names[pool->kind]);
    rows_int(out, "free", (int64_t)pool->free);
    rows_int(out, "in_doubt", (int64_t)pool->in_doubt);
    rows_int(out, "given", (int64_t)pool->given);
    rows_int(out, "retired", (int64_t)pool->retired);
}

static int write_pools(const struct pool_options *options, const struct store_pool *pools,
                       size_t count, struct err *err)
{
    char none[] = "";
    struct rows out;

    rows_begin(&out, format_of(options), STDOUT_FILENO);
    rows_list(&out, "pools");
    describe_pool(&out, &(struct store_pool){.name = none});
    rows_list_rows(&out);
    for (size_t i = 0; i < count; i++) {
        rows_row(&out);
        describe_pool(&out, &pools[i]);
        rows_row_end(&out);
    }
    rows_list_end(&out);
    return rows_end(&out, err);
}

static void print_pools(const struct store_pool *pools, size_t count)
{
    struct term term = term_open(stdout);
    struct term_table *table = term_table_new(6);

    term_table_row(table, TERM_DIM,
                   (const char *const[]){"POOL", "KIND", "FREE", "IN DOUBT", "GIVEN", "RETIRED"});
    for (size_t i = 0; i < count; i++) {
        const struct store_pool *pool = &pools[i];
        char numbers[4][24];
        const uint64_t values[] = {pool->free, pool->in_doubt, pool->given, pool->retired};
        for (size_t n = 0; n < 4; n++)
            snprintf(numbers[n], sizeof numbers[n], "%" PRIu64, values[n]);
        term_table_row(table, pool->free ? TERM_PLAIN : TERM_RED,
                       (const char *const[]){pool->name, pool_kind_names[pool->kind], numbers[0],
                                             numbers[1], numbers[2], numbers[3]});
    }
    term_table_print(table, &term);
    term_table_free(table);
}

/* All of them; none where there is no store. */
static int find_pools(struct store *store, struct store_pool **ret, size_t *ret_count,
                      struct err *err)
{
    *ret = NULL;
    *ret_count = 0;
    return store ? store_pools(store, ret, ret_count, err) : 0;
}

int pool_list(struct store *store, const struct pool_options *options, struct err *err)
{
    struct store_pool *pools;
    size_t count;
    int rc = find_pools(store, &pools, &count, err);

    if (rc < 0)
        return rc;
    if (options->json || options->csv)
        rc = write_pools(options, pools, count, err);
    else if (count)
        print_pools(pools, count);
    else
        puts(NO_POOLS);
    store_pools_done(pools, count);
    return rc;
}

static char *shown(const struct pool_options *options, const struct store_identity *identity)
{
    return options->keys ? xstrdup(identity->value)
                         : pool_value_shown(identity->kind, identity->value);
}

struct showing {
    const struct pool_options *options;
    struct term_table *table; /* NULL: rows */
    struct rows rows;
};

static void describe(struct rows *out, const struct store_identity *identity, const char *value)
{
    rows_string(out, "pool", identity->pool);
    rows_string(out, "value", value);
    rows_string(out, "state", identity_state_names[identity->state]);
    rows_string(out, "board", identity->board);
    rows_int(out, "since_us", identity->since_us);
    rows_string(out, "note", identity->note);
}

static void show_one(void *arg, const struct store_identity *identity)
{
    struct showing *showing = arg;
    cleanup_free char *value = shown(showing->options, identity);
    bool in_doubt = identity->state == IDENTITY_DRAWN || identity->state == IDENTITY_WRITTEN;
    char when[STR_TIME_SIZE];

    if (!showing->table) {
        rows_row(&showing->rows);
        describe(&showing->rows, identity, value);
        rows_row_end(&showing->rows);
        return;
    }
    term_table_row(
        showing->table, in_doubt ? TERM_YELLOW : TERM_PLAIN,
        (const char *const[]){
            identity->pool, value, in_doubt ? "in doubt" : identity_state_names[identity->state],
            identity->board ? identity->board : "-",
            identity->since_us ? str_local_time(identity->since_us / 1000000, when) : "-",
            identity->note ? identity->note : ""});
}

static void print_range(void *arg, const struct pool_range *range)
{
    (void)arg;
    printf("range %s-%s, %s%s\n", range->first, range->last, range->next ? "next " : "used up",
           range->next ? range->next : "");
}

static int check_pool(struct store *store, const char *name, struct err *err)
{
    struct store_pool *pools = NULL;
    const char **names;
    size_t count = 0;
    int rc = name ? find_pools(store, &pools, &count, err) : 0;
    bool found = !name || rc < 0;

    names = xcalloc(count + 1, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = pools[i].name;
        found = found || str_eq(names[i], name);
    }
    if (!found) {
        err_set(err, ERR_USAGE, "there is no pool '%.80s'", name);
        rc = str_hint_nearest(name, names, count, "; hil pool lists them", err);
    }
    free(names);
    store_pools_done(pools, count);
    return rc;
}

int pool_show(struct store *store, const struct pool_options *options, struct err *err)
{
    bool as_rows = options->json || options->csv || str_eq(options->action, "export");
    struct showing showing = {.options = options, .table = as_rows ? NULL : term_table_new(6)};
    struct term term = term_open(stdout);
    char none[] = "";
    int rc = check_pool(store, options->pool, err);

    if (rc < 0) {
        term_table_free(showing.table);
        return rc;
    }
    if (as_rows) {
        rows_begin(&showing.rows, options->json ? ROWS_JSON : ROWS_CSV, STDOUT_FILENO);
        rows_list(&showing.rows, "identities");
        describe(&showing.rows, &(struct store_identity){.pool = none}, none);
        rows_list_rows(&showing.rows);
    } else {
        term_table_row(showing.table, TERM_DIM,
                       (const char *const[]){"POOL", "VALUE", "STATE", "BOARD", "SINCE", "NOTE"});
    }
    rc = store ? store_identities(store, options->pool, show_one, &showing, err) : 0;
    if (as_rows) {
        rows_list_end(&showing.rows);
        return rows_end(&showing.rows, rc < 0 ? NULL : err) < 0 && rc == 0 ? -(int)err->code : rc;
    }
    term_table_print(showing.table, &term);
    term_table_free(showing.table);
    return rc == 0 && options->pool
               ? store_pool_ranges(store, options->pool, print_range, NULL, err)
               : rc;
}

/* A row a board, a column a pool; identities come by board. */
struct sheet {
    const struct pool_options *options;
    const struct store_pool *pools;
    size_t count;
    struct rows rows;
    char *board; /* whose row is being filled; NULL: none */
    char **cells;
};

static void put_row(struct sheet *sheet)
{
    if (sheet->board)
        rows_row(&sheet->rows);
    rows_string(&sheet->rows, "board", sheet->board ? sheet->board : "");
    for (size_t i = 0; i < sheet->count; i++) {
        rows_string(&sheet->rows, sheet->pools[i].name, sheet->cells[i]);
        free(sheet->cells[i]);
        sheet->cells[i] = NULL;
    }
    if (sheet->board)
        rows_row_end(&sheet->rows);
    free(sheet->board);
    sheet->board = NULL;
}

static void take_label(void *arg, const struct store_identity *identity)
{
    struct sheet *sheet = arg;

    if (!identity->board || identity->state != IDENTITY_GIVEN)
        return;
    if (sheet->board && strcmp(sheet->board, identity->board) != 0)
        put_row(sheet);
    if (!sheet->board)
        sheet->board = xstrdup(identity->board);
    for (size_t i = 0; i < sheet->count; i++)
        if (str_eq(sheet->pools[i].name, identity->pool) && !sheet->cells[i])
            sheet->cells[i] = shown(sheet->options, identity);
}

int pool_labels(struct store *store, const struct pool_options *options, struct err *err)
{
    struct sheet sheet = {.options = options};
    struct store_pool *pools = NULL;
    int rc = find_pools(store, &pools, &sheet.count, err);

    if (rc < 0)
        return rc;
    sheet.pools = pools;
    sheet.cells = xcalloc(sheet.count + 1, sizeof *sheet.cells);
    rows_begin(&sheet.rows, options->json ? ROWS_JSON : ROWS_CSV, STDOUT_FILENO);
    rows_list(&sheet.rows, "labels");
    put_row(&sheet); /* the columns */
    rows_list_rows(&sheet.rows);
    rc = store ? store_identities(store, NULL, take_label, &sheet, err) : 0;
    if (sheet.board)
        put_row(&sheet);
    rows_list_end(&sheet.rows);
    if (rows_end(&sheet.rows, rc < 0 ? NULL : err) < 0 && rc == 0)
        rc = -(int)err->code;
    free(sheet.cells);
    store_pools_done(pools, sheet.count);
    return rc;
}
