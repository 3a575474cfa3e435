/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/ctx.h"
#include "base/fs.h"
#include "cmd/cmd.h"
#include "cmd/lab_store.h"
#include "cmd/pool_print.h"
#include "conf/name.h"
#include "store/identities.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 << 20)
#define KINDS "mac|serial|key" /* as in pool_kind_names */
#define ACTIONS "show|export|labels|import|retire"

static const struct opt_row rows[] = {
    {"kind", 'k', KINDS, "With import: what a new pool holds; mac is the default.", NULL},
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

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct pool_options *options = arg;

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
        options->kind = opt_choose(KINDS, value, NULL, err);
    return 0;
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
static int find_kind(struct store *store, const struct pool_options *options, enum pool_kind *ret,
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

static int import(struct store *store, const struct pool_options *options, struct err *err)
{
    enum pool_kind kind;
    struct pool_imported all = {0}, more;
    cleanup_strv struct strv items = {0}, lines = {0};
    int rc = find_kind(store, options, &kind, err);

    if (rc == 0 && options->file)
        rc = err_named(read_file(options->file, &lines, err), err);
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

static int retire(struct store *store, const struct pool_options *options, struct err *err)
{
    int64_t now_us = ctx_unix_us();
    int rc = options->count ? 0 : err_set(err, ERR_USAGE, "which values are to be retired?");

    for (size_t i = 0; i < options->count && rc == 0; i++)
        rc = store_pool_retire(store, options->pool, options->items[i], options->reason, now_us,
                               err);
    return err_named(rc, err);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static const struct action {
    const char *name; /* NULL: without operands */
    bool needs_pool, writes;
    int (*act)(struct store *store, const struct pool_options *options, struct err *err);
} actions[] = {
    {NULL, false, false, pool_list},     {"show", false, false, pool_show},
    {"export", false, false, pool_show}, {"labels", false, false, pool_labels},
    {"import", true, true, import},      {"retire", true, true, retire},
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        if (str_eq(actions[i].name, name))
            return &actions[i];
    return NULL;
}

static int check(const struct pool_options *options, struct err *err)
{
    const struct action *action = find_action(options->action);

    if (options->json && options->csv)
        return err_set(err, ERR_USAGE, "one of --json and --csv");
    if (!options->action)
        return 0;
    if (!action)
        return opt_choose(ACTIONS, options->action, NULL, err);
    if (action->needs_pool && !options->pool)
        return err_set(err, ERR_USAGE, "which pool? hil pool %s NAME ...", action->name);
    if (!action->writes && (options->count || (options->pool && str_eq(action->name, "labels"))))
        return err_set(err, ERR_USAGE, "'%s': %s takes %s",
                       options->count ? options->items[0] : options->pool, action->name,
                       str_eq(action->name, "labels") ? "no pool" : "one POOL and nothing else");
    if (options->pool && !name_valid(options->pool))
        return err_set(err, ERR_USAGE, "a pool's name must be made of " NAME_RULE);
    return 0;
}

static int work(const struct pool_options *options, struct err *err)
{
    const struct action *action = find_action(options->action);
    cleanup_lab struct lab *lab = NULL;
    struct store *store = NULL;
    int rc = check(options, err);

    if (rc == 0)
        rc = lab_store_open(NULL, action->writes, &lab, &store, err);
    if (rc == -ERR_NOT_FOUND && !action->writes)
        rc = 0; /* nothing is in it */
    if (rc == 0)
        rc = action->act(store, options, err);
    store_close(store);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct pool_options options = {.kind = -1};
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
    .operands = "[" ACTIONS "] [POOL] [VALUE|FIRST-LAST]...",
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
