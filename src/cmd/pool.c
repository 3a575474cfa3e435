/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/fs.h"
#include "base/rows.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/lab_store.h"
#include "conf/name.h"
#include "store/identities.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 << 20)
#define NO_POOLS "no pools yet; one is made by: hil pool import NAME FIRST-LAST"

static const struct opt_row rows[] = {
    {"kind", 'k', "KIND",
     "With import: what a new pool holds: mac (that is the default), serial or key.", NULL},
    {"file", 'f', "FILE", "With import: a value a line; - is standard input; # begins a comment.",
     NULL},
    {"reason", 0, "TEXT", "With retire: why, for whoever looks at it later.", NULL},
    {"keys", 0, NULL, "With show and export: keys as they are instead of their digests.", NULL},
    {"csv", 0, NULL, "With show and export: CSV.", NULL},
    CMD_ROW_JSON,
    {0},
};

static const char *const examples[] = {
    "How much is left?",
    "hil pool",
    "A range of MAC addresses, and serial numbers",
    "hil pool import macs 02:00:00:00:10:00-02:00:00:00:1f:ff",
    "Serial numbers from a list",
    "hil pool import --kind serial serials --file serials.txt",
    "Which board has which?",
    "hil pool show macs",
    "A label for each board: its serial number and all that it was given",
    "hil pool labels --csv > labels.csv",
    "Never to be given (again)",
    "hil pool retire macs 02:00:00:00:10:07 --reason 'printed on a scrapped lot'",
    NULL};

static const char *const see_also[] = {"rig", NULL};

struct options {
    const char *action, *pool, *file, *reason;
    int kind; /* -1: not said */
    char **items;
    size_t count;
    bool json, csv, keys;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;

    if (str_eq(row->name, "file"))
        options->file = value;
    else if (str_eq(row->name, "reason"))
        options->reason = value;
    else if (str_eq(row->name, "json"))
        options->json = true;
    else if (str_eq(row->name, "csv"))
        options->csv = true;
    else if (str_eq(row->name, "keys"))
        options->keys = true;
    else
        for (options->kind = 0; pool_kind_names[options->kind]; options->kind++)
            if (str_eq(pool_kind_names[options->kind], value))
                return 0;
    return options->kind == POOL_KINDS ? err_set(err, ERR_USAGE,
                                                 "--kind: '%s' is none of mac, "
                                                 "serial, key",
                                                 value)
                                       : 0;
}

static enum rows_format format_of(const struct options *options)
{
    return options->csv ? ROWS_CSV : ROWS_JSON;
}

/* ---- hil pool -------------------------------------------------------------------------------- */

static void describe_pool(struct rows *out, const struct store_pool *pool)
{
    rows_string(out, "pool", pool->name);
    rows_string(out, "kind", pool_kind_names[pool->kind]);
    rows_int(out, "free", (int64_t)pool->free);
    rows_int(out, "in_doubt", (int64_t)pool->in_doubt);
    rows_int(out, "given", (int64_t)pool->given);
    rows_int(out, "retired", (int64_t)pool->retired);
}

static int write_pools(const struct options *options, const struct store_pool *pools, size_t count,
                       struct err *err)
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

static int list(struct store *store, const struct options *options, struct err *err)
{
    struct store_pool *pools;
    size_t count;
    int rc = store_pools(store, &pools, &count, err);

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

/* ---- show and export ------------------------------------------------------------------------- */

static char *shown(const struct options *options, const struct store_identity *identity)
{
    return options->keys ? xstrdup(identity->value)
                         : pool_value_shown(identity->kind, identity->value);
}

struct showing {
    const struct options *options;
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

static int show(struct store *store, const struct options *options, struct err *err)
{
    bool as_rows = options->json || options->csv || str_eq(options->action, "export");
    struct showing showing = {.options = options, .table = as_rows ? NULL : term_table_new(6)};
    struct term term = term_open(stdout);
    char none[] = "";
    int rc;

    if (as_rows) {
        rows_begin(&showing.rows, options->json ? ROWS_JSON : ROWS_CSV, STDOUT_FILENO);
        rows_list(&showing.rows, "identities");
        describe(&showing.rows, &(struct store_identity){.pool = none}, none);
        rows_list_rows(&showing.rows);
    } else {
        term_table_row(showing.table, TERM_DIM,
                       (const char *const[]){"POOL", "VALUE", "STATE", "BOARD", "SINCE", "NOTE"});
    }
    rc = store_identities(store, options->pool, show_one, &showing, err);
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

/* ---- labels ---------------------------------------------------------------------------------- */

/* A row a board, a column a pool; identities come by board. */
struct sheet {
    const struct options *options;
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

static int labels(struct store *store, const struct options *options, struct err *err)
{
    struct sheet sheet = {.options = options};
    struct store_pool *pools = NULL;
    int rc = store_pools(store, &pools, &sheet.count, err);

    if (rc < 0)
        return rc;
    sheet.pools = pools;
    sheet.cells = xcalloc(sheet.count + 1, sizeof *sheet.cells);
    rows_begin(&sheet.rows, options->json ? ROWS_JSON : ROWS_CSV, STDOUT_FILENO);
    rows_list(&sheet.rows, "labels");
    put_row(&sheet); /* the columns */
    rows_list_rows(&sheet.rows);
    rc = store_identities(store, NULL, take_label, &sheet, err);
    if (sheet.board)
        put_row(&sheet);
    rows_list_end(&sheet.rows);
    if (rows_end(&sheet.rows, rc < 0 ? NULL : err) < 0 && rc == 0)
        rc = -(int)err->code;
    free(sheet.cells);
    store_pools_done(pools, sheet.count);
    return rc;
}

/* ---- import and retire ----------------------------------------------------------------------- */

static int read_stdin(struct buf *text, struct err *err)
{
    for (;;) {
        char *room = buf_space(text, 65536);
        ssize_t n = room ? read(STDIN_FILENO, room, 65536) : -1;
        if (n <= 0)
            return n == 0 ? 0
                          : err_set(err, ERR_LIMIT,
                                    "standard input: larger than %zu bytes, or not to be read",
                                    FILE_MAX);
        buf_grew(text, (size_t)n);
    }
}

/* A value a line; blanks around it, empty lines and comments do not count. */
static int read_file(const char *path, struct strv *ret, struct err *err)
{
    cleanup_buf struct buf text = BUF_INIT(FILE_MAX);
    int rc = strcmp(path, "-") ? fs_read(path, &text, err) : read_stdin(&text, err);
    char *save = NULL;

    if (rc < 0)
        return rc;
    if (memchr(text.data, '\0', text.size))
        return err_set(err, ERR_DATA, "%s: is no text", path);
    for (char *line = strtok_r(text.data, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        char *end = line + strcspn(line, "#");
        line += strspn(line, " \t");
        while (end > line && strchr(" \t", end[-1]))
            end--;
        if (end > line)
            strv_add_owned(ret, xstrndup(line, (size_t)(end - line)));
    }
    return 0;
}

/* What --kind says, else what the pool is, else addresses. */
static int find_kind(struct store *store, const struct options *options, enum pool_kind *ret,
                     struct err *err)
{
    struct store_pool *pools;
    size_t count;
    int rc = store_pools(store, &pools, &count, err);

    *ret = POOL_MAC;
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (str_eq(pools[i].name, options->pool))
            *ret = pools[i].kind;
    if (rc == 0)
        store_pools_done(pools, count);
    if (options->kind >= 0)
        *ret = (enum pool_kind)options->kind;
    return rc;
}

static int import(struct store *store, const struct options *options, struct err *err)
{
    enum pool_kind kind;
    struct pool_imported all = {0}, more;
    cleanup_strv struct strv items = {0}, lines = {0};
    int rc = find_kind(store, options, &kind, err);

    if (rc == 0 && options->file)
        rc = read_file(options->file, &lines, err);
    for (size_t i = 0; i < options->count; i++)
        strv_add(&items, options->items[i]);
    if (rc == 0 && !items.count && !lines.count)
        return err_set(err, ERR_USAGE,
                       "what is to be imported? FIRST-LAST, values, or --file FILE");
    if (rc == 0 && items.count) {
        rc = store_pool_import(store, options->pool, kind, &items, true, &more, err);
        all = more;
    }
    if (rc == 0 && lines.count) {
        rc = store_pool_import(store, options->pool, kind, &lines, false, &more, err);
        all.added += more.added;
        all.known += more.known;
    }
    if (rc < 0)
        return rc;
    printf("%s: %" PRIu64 " added", options->pool, all.added);
    printf(all.known ? ", %" PRIu64 " known already\n" : "\n", all.known);
    return 0;
}

static int retire(struct store *store, const struct options *options, struct err *err)
{
    int64_t now_us = (int64_t)time(NULL) * 1000000;
    int rc = options->count ? 0 : err_set(err, ERR_USAGE, "which values are to be retired?");

    for (size_t i = 0; i < options->count && rc == 0; i++)
        rc = store_pool_retire(store, options->pool, options->items[i], options->reason, now_us,
                               err);
    return rc;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static const struct action {
    const char *name;
    bool needs_pool, writes;
} actions[] = {
    {"show", false, false}, {"export", false, false}, {"labels", false, false},
    {"import", true, true}, {"retire", true, true},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        if (str_eq(actions[i].name, name))
            return &actions[i];
    return NULL;
}

static int act(struct store *store, const struct options *options, struct err *err)
{
    if (!options->action)
        return list(store, options, err);
    if (str_eq(options->action, "labels"))
        return labels(store, options, err);
    if (str_eq(options->action, "import"))
        return import(store, options, err);
    if (str_eq(options->action, "retire"))
        return retire(store, options, err);
    return show(store, options, err);
}

static int check(const struct options *options, struct err *err)
{
    static const char *const names[] = {"show", "export", "labels", "import", "retire"};
    const struct action *action = find_action(options->action);
    const char *near;

    if (options->json && options->csv)
        return err_set(err, ERR_USAGE, "one of --json and --csv");
    if (!options->action)
        return 0;
    if (!action) {
        near = str_nearest(options->action, names, ARRAY_SIZE(names));
        err_set(err, ERR_USAGE, "'%s' is none of show, export, labels, import, retire",
                options->action);
        return near ? err_hint(err, " (did you mean '%s'?)", near) : -ERR_USAGE;
    }
    if (action->needs_pool && !options->pool)
        return err_set(err, ERR_USAGE, "which pool? hil pool %s NAME ...", action->name);
    if (options->pool && !name_valid(options->pool))
        return err_set(err, ERR_USAGE, "a pool's name must be made of " NAME_RULE);
    return 0;
}

static int work(const struct options *options, struct err *err)
{
    const struct action *action = find_action(options->action);
    cleanup_free char *lab = NULL;
    struct store *store = NULL;
    int rc = check(options, err);

    if (rc == 0)
        rc = lab_store_open(NULL, action && action->writes, &lab, &store, err);
    if (rc == -ERR_NOT_FOUND && !options->action && !options->json && !options->csv) {
        puts(NO_POOLS);
        return 0;
    }
    if (rc == 0 && store)
        rc = act(store, options, err);
    store_close(store);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {.kind = -1};
    struct err err = {0};
    int first, code = 0;

    if (!cmd_parse(&verb_pool, argc, argv, take, &options, &first, &code))
        return code;
    if (first < argc)
        options.action = argv[first++];
    if (first < argc)
        options.pool = argv[first++];
    options.items = argv + first;
    options.count = (size_t)(argc - first);
    return cmd_exit(app, work(&options, &err) < 0 ? cmd_fail(&verb_pool, &err) : 0);
}

const struct opt_verb verb_pool = {
    .name = "pool",
    .operands = "[show|export|labels|import|retire] [POOL] [VALUE|FIRST-LAST]...",
    .summary = "MAC addresses, serial numbers and keys that hil rig gives to boards, once each",
    .description =
        "Without operands: the pools, and how much is left in each. show lists what was drawn from "
        "one; export writes it as CSV; labels a row for each board with all that it was given. "
        "import makes a pool or adds to it; retire takes values out for ever.\n\n"
        "A value stands once for its kind, in whatever pool. One is \"in doubt\" where a board was "
        "to get it and nobody knows whether it did, as after a power cut: it stays that board's, "
        "and is written again when the board comes back.\n\n"
        "Keys are shown as the beginning of their SHA-256, unless --keys is given.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
