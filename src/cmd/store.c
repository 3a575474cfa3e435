/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/lab_store.h"
#include "store/dump.h"
#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEND_MS (INT64_C(600) * 1000)

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"merge", 0, NULL,
     "With import: also into a store that has something; what is there already is not added again.",
     NULL},
    CMD_ROW_JSON,
    {0},
};

static const char *const examples[] = {"Where is the history, and how much of it is there?",
                                       "hil store",
                                       "From the file of this host into the database of a lab",
                                       "hil store export history.jsonl --lab before.yaml && hil "
                                       "store import history.jsonl --lab lab.yaml",
                                       "A second host's history into the same one",
                                       "hil store import --merge pi2.jsonl",
                                       NULL};

static const char *const see_also[] = {"history", "pool", "doctor", NULL};

struct options {
    const char *lab, *action, *file;
    bool merge, json;
};

struct place {
    struct lab *lab; /* NULL: none; the file of this host */
    char *state_dir;
    struct store *store;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct options *options = arg;

    (void)err;
    if (str_eq(row->name, "lab"))
        options->lab = value;
    else if (str_eq(row->name, "merge"))
        options->merge = true;
    else
        options->json = true;
    return 0;
}

static void place_done(struct place *place)
{
    store_close(place->store);
    lab_free(place->lab);
    free(place->state_dir);
}

static int find_lab(const struct options *options, struct place *ret, struct err *err)
{
    ret->state_dir = fs_state_dir();
    return lab_store_find(options->lab, &ret->lab, err);
}

static int open_place(struct place *place, bool create, struct err *err)
{
    return store_open(place->lab ? &place->lab->store : NULL, place->state_dir, create,
                      &place->store, err);
}

static void look(const struct place *place, struct spool_waiting *ret)
{
    *ret = (struct spool_waiting){0};
    if (place->lab && place->lab->store.url)
        spool_look(place->state_dir, place->lab->name, ret);
}

/* ---- status ---------------------------------------------------------------------------------- */

static int status(const struct options *options, struct place *place, struct err *err)
{
    bool server = place->lab && place->lab->store.url;
    struct spool_waiting waiting;
    struct store_facts facts = {0};
    struct json_out out;
    int rc = open_place(place, false, err);
    bool none = rc == -ERR_NOT_FOUND;

    look(place, &waiting);
    if (rc == 0)
        rc = store_facts(place->store, &facts, err);
    if (options->json && (rc == 0 || none)) {
        json_begin(&out, STDOUT_FILENO, 2);
        json_object(&out);
        json_kv_string(&out, "engine", server ? "postgresql" : "sqlite");
        json_kv_string(&out, "place", none ? NULL : facts.place);
        json_kv_int(&out, "schema", facts.schema);
        json_kv_int(&out, "bytes", (int64_t)facts.bytes);
        json_kv_int(&out, "rows", (int64_t)facts.rows);
        json_kv_int(&out, "runs", (int64_t)facts.runs);
        json_kv_int(&out, "waiting", (int64_t)waiting.files);
        json_kv_int(&out, "broken", (int64_t)waiting.bad);
        json_object_end(&out);
        return json_end(&out, err);
    }
    if (none)
        puts("nothing was recorded yet");
    else if (rc == 0)
        printf("%s, %s\nschema %d, %" PRIu64 " run%s, %" PRIu64 " rows, %.1f MB\n",
               server ? "PostgreSQL" : "SQLite", facts.place, facts.schema, facts.runs,
               facts.runs == 1 ? "" : "s", facts.rows, (double)facts.bytes / 1e6);
    if (server)
        printf("%zu wait on this host to be sent, %.1f MB%s\n", waiting.files,
               (double)waiting.bytes / 1e6, waiting.bad ? "; some cannot be read (*.bad)" : "");
    return none ? 0 : rc;
}

/* ---- the others ------------------------------------------------------------------------------ */

/* There are keys in it: nobody else's to read. */
static int export(const struct options *options, struct place *place, struct err *err)
{
    struct fs_draft draft = {.fd = -1};
    uint64_t count = 0;
    int rc = open_place(place, false, err);

    if (rc == 0 && str_eq(options->file, "-"))
        return store_export(place->store, STDOUT_FILENO, "standard output", &count, err);
    if (rc == 0)
        rc = fs_draft_open(&draft, options->file, err);
    if (rc == 0 && fchmod(draft.fd, 0600) < 0)
        rc = err_sys(err, errno, "%s", options->file);
    if (rc == 0)
        rc = store_export(place->store, draft.fd, options->file, &count, err);
    if (rc == 0)
        rc = fs_draft_commit(&draft, err);
    fs_draft_abort(&draft);
    if (rc == 0)
        printf("%s: %" PRIu64 " rows\n", options->file, count);
    return rc;
}

static int import(const struct options *options, struct place *place, struct err *err)
{
    const char *file = options->file ? options->file : "-";
    bool piped = str_eq(file, "-");
    cleanup_close int fd = piped ? -1 : open(file, O_RDONLY | O_CLOEXEC);
    uint64_t count = 0;
    int rc = fd < 0 && !piped ? err_named(err_sys(err, errno, "%s", file), err) : 0;

    if (rc == 0)
        rc = open_place(place, true, err);
    if (rc == 0 && !options->merge)
        rc = store_rows(place->store, &count, err);
    if (rc == 0 && count)
        return err_set(err, ERR_USAGE,
                       "the store has %" PRIu64 " rows already; --merge adds what it has not",
                       count);
    if (rc == 0)
        rc = err_named(store_import(place->store, piped ? STDIN_FILENO : fd,
                                    piped ? "standard input" : file, &count, err),
                       err);
    if (rc == 0)
        printf("%" PRIu64 " rows are new\n", count);
    return rc;
}

static int send_waiting(struct place *place, struct err *err)
{
    struct spool_waiting waiting;
    size_t sent = 0;
    int rc = 0;

    look(place, &waiting);
    if (waiting.files)
        rc = open_place(place, true, err);
    if (rc == 0 && waiting.files)
        rc = spool_send(place->state_dir, place->lab->name, place->store, SEND_MS, &sent, err);
    if (rc == 0)
        printf("%zu sent\n", sent);
    return rc;
}

static int work(const struct options *options, struct err *err)
{
    struct place place __attribute__((cleanup(place_done))) = {0};
    bool moves = str_eq(options->action, "export") || str_eq(options->action, "import");
    bool looks = str_eq(options->action, "status");
    int rc;

    if (opt_choose("status|export|import|send", options->action, NULL, err) < 0)
        return -ERR_USAGE;
    if (moves && !options->file)
        return err_set(err, ERR_USAGE, "which file? hil store %s FILE, or - for a pipe",
                       options->action);
    if (!moves && options->file)
        return err_set(err, ERR_USAGE, "'%s': %s takes no file", options->file, options->action);
    rc = find_lab(options, &place, err);
    if (rc < 0)
        return rc;
    if (str_eq(options->action, "export"))
        return export(options, &place, err);
    if (str_eq(options->action, "import"))
        return import(options, &place, err);
    return looks ? status(options, &place, err) : send_waiting(&place, err);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct options options = {.action = "status"};
    struct err err = {0};
    int first, code = 0;

    if (!cmd_parse(&verb_store, argc, argv, take, &options, &first, &code))
        return code;
    if (first < argc)
        options.action = argv[first++];
    if (first < argc)
        options.file = argv[first++];
    if (first < argc)
        err_set(&err, ERR_USAGE, "'%s': one file at a time", argv[first]);
    return cmd_exit(app, err.code || work(&options, &err) < 0 ? cmd_fail(&verb_store, &err) : 0);
}

const struct opt_verb verb_store = {
    .name = "store",
    .operands = "[status|export FILE|import FILE|send]",
    .summary = "where history is kept: how much there is, and from one store into another",
    .description =
        "status tells which store the lab has and what is in it. export writes all of it, pools of "
        "identities and their keys too, as lines of JSON; import reads that into the lab's store, "
        "of "
        "either kind, as a whole or not at all. - is standard output and input.\n\n"
        "A store that has something takes an import with --merge only: a run that is there is not "
        "added again, of what a board carries the newest counts, and identities that were given to "
        "two boards end it. Runs may get other numbers.\n\n"
        "send takes what runs left on this host while the database was away to the database. Every "
        "hil run that reaches it does so anyway, after its verdict.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
