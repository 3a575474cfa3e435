/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/json.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/runner_options.h"
#include "cmd/there.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MS 30000
#define EVERY_MIN_MS 1000 /* the API's rate limit is a few requests a second */

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    CMD_ROW_JSON,
    THERE_ROW_SERVER,
    {"comma", 'c', NULL, "All in one line, parted by commas, as config.sh --labels takes them.",
     NULL},
    RUNNER_ROWS_LABELS,
    {"sync", 's', NULL, "Give them to the runner, through GitHub's API.", "At GitHub"},
    {"watch", 'w', NULL, "Do so again and again, until a signal comes.", NULL},
    {"every", 0, "TIME", "How long --watch waits in between (30s).", NULL},
    {"runner", 'r', "NAME",
     "Which runner: its name or its number. Without it: $RUNNER_NAME, or "
     "this host's name.",
     NULL},
    RUNNER_ROWS_PLACE,
    {"exact", 0, NULL,
     "Take away every other custom label, too. Without it those that this lab does not know stay.",
     NULL},
    {"dry-run", 'n', NULL, "Say what would change, and change nothing.", NULL},
    {0},
};

static const char *const examples[] = {
    "What a runner of this lab can promise",
    "hil labels",
    "Register a runner with them",
    "./config.sh --url https://github.com/owner/name --labels \"$(hil labels --comma)\"",
    "Bring a runner in line, and keep it so",
    "hil labels --watch --repo owner/name --runner bench-a --token-file /etc/hil/token",
    "What is missing, and why",
    "hil labels --json | jq '.boards[]|select(.why)'",
    NULL};

static const char *const see_also[] = {"boards", "runner", "doctor", NULL};

struct request {
    struct sync_request sync;
    struct runner_options options;
    const char *server;
    bool json, comma, do_sync, watch;
    char host[65];
};

static int take_every(struct request *request, const char *value, struct err *err)
{
    int rc = str_to_ms(value, "--every", &request->sync.every_ms, err);

    if (rc == 0 && request->sync.every_ms < EVERY_MIN_MS)
        return err_set(err, ERR_USAGE, "--every: '%s' is less than a second", value);
    return rc;
}

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken = runner_options_take(row, value, &request->options, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    switch (row->letter) {
    case 'l':
        request->sync.lab = value;
        break;
    case 'c':
        request->comma = true;
        break;
    case 's':
        request->do_sync = true;
        break;
    case 'w':
        request->watch = request->do_sync = true;
        break;
    case 'r':
        request->sync.runner = value;
        break;
    case 'n':
        request->sync.dry_run = true;
        break;
    default:
        if (str_eq(row->name, "every"))
            return take_every(request, value, err);
        if (str_eq(row->name, "json"))
            request->json = true;
        else if (str_eq(row->name, "server"))
            request->server = value;
        else
            request->sync.exact = true;
    }
    return 0;
}

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "hil labels: %s\n", text);
}

/* ---- printing -------------------------------------------------------------------------------- */

static int print_json(const struct labels *labels, struct err *err)
{
    struct json_out out;

    cmd_json_begin(&out);
    json_kv_strv(&out, "labels", &labels->given);
    json_key(&out, "boards");
    json_array(&out);
    for (size_t i = 0; i < labels->count; i++) {
        const struct label_board *board = &labels->boards[i];
        json_object(&out);
        json_kv_string(&out, "name", board->name);
        json_kv_bool(&out, "present", board->present);
        json_kv_bool(&out, "healthy", board->healthy);
        json_kv_string(&out, "why", *board->why ? board->why : NULL);
        json_object_end(&out);
    }
    json_array_end(&out);
    return cmd_json_end(&out, err);
}

static void print(const struct labels *labels, bool comma)
{
    cleanup_free char *all = labels_join(&labels->given, comma ? "," : "\n");

    puts(all);
    for (size_t i = 0; i < labels->count; i++) {
        cleanup_free char *why =
            text_clean_dup(labels->boards[i].why, sizeof labels->boards[i].why, TEXT_ONE_LINE);
        if (*why)
            fprintf(stderr, "hil labels: %s gives none: %s\n", labels->boards[i].name, why);
    }
}

static int show(const struct request *request, const struct ctx *ctx, struct err *err)
{
    cleanup_free char *state_dir = fs_state_dir();
    struct store *store = NULL;
    struct labels labels = {0};
    struct inventory inventory;
    int rc = inventory_open(request->sync.lab, &inventory, err);

    if (rc < 0)
        return rc;
    if (store_open(&inventory.lab->store, state_dir, false, &store, err) < 0 &&
        err->code != ERR_NOT_FOUND)
        fprintf(stderr, "hil labels: quarantine is not known: %s\n", err->message);
    labels_look(&inventory, store, &request->sync.rules, (int64_t)time(NULL), ctx, &labels);
    if (store && store_trouble(store))
        fprintf(stderr, "hil labels: quarantine is not known: %s\n", store_trouble(store)->message);
    rc = ctx_check(ctx, err);
    if (rc == 0 && request->json)
        rc = print_json(&labels, err);
    else if (rc == 0)
        print(&labels, request->comma);
    labels_done(&labels);
    store_close(store);
    inventory_close(&inventory);
    return rc;
}

/* ---- at GitHub ------------------------------------------------------------------------------- */

static int print_outcome(const struct request *request, const struct sync_outcome *outcome,
                         struct err *err)
{
    cleanup_free char *change = sync_difference(&outcome->runner.custom, &outcome->wanted);
    cleanup_free char *all = labels_join(&outcome->wanted, request->comma ? "," : "\n");
    struct json_out out;

    if (!request->json) {
        cleanup_free char *clean = text_clean_dup(outcome->runner.name, 200, TEXT_ONE_LINE);
        puts(all);
        fprintf(stderr, "hil labels: runner '%s': %s%s\n", clean,
                !outcome->changed       ? "nothing to change"
                : request->sync.dry_run ? "would change: "
                                        : "changed: ",
                change);
        return 0;
    }
    cmd_json_begin(&out);
    json_kv_string(&out, "runner", outcome->runner.name);
    json_kv_int(&out, "id", outcome->runner.id);
    json_kv_strv(&out, "before", &outcome->runner.custom);
    json_kv_strv(&out, "labels", &outcome->wanted);
    json_kv_bool(&out, "changed", outcome->changed && !request->sync.dry_run);
    return cmd_json_end(&out, err);
}

/* $RUNNER_NAME is set within a job; registered runners are called after the host by default. */
static const char *default_runner(struct request *request)
{
    const char *name = getenv("RUNNER_NAME");

    if (name && *name)
        return name;
    if (gethostname(request->host, sizeof request->host - 1) < 0)
        return "localhost";
    return request->host;
}

static int synchronise(struct request *request, const struct app *app, const struct ctx *ctx,
                       struct err *err)
{
    struct sync_outcome outcome = {0};
    struct github *github = NULL;
    int rc;

    request->sync.place = request->options.place;
    request->sync.note = note;
    if (!request->sync.runner)
        request->sync.runner = default_runner(request);
    rc = runner_options_open(&request->options, app->version, note, &github, err);
    if (rc == 0)
        request->sync.place = request->options.place;
    if (rc == 0 && request->watch)
        rc = sync_watch(&request->sync, github, ctx, err);
    else if (rc == 0)
        rc = sync_once(&request->sync, github, ctx, &outcome, err);
    if (rc == 0 && !request->watch)
        rc = print_outcome(request, &outcome, err);
    sync_outcome_done(&outcome);
    github_close(github);
    return rc;
}

/* By the hil of that server, which sees its boards. */
static int labels_there(const struct app *app, const struct request *request)
{
    struct there there = {0};

    if (request->json)
        strv_add(&there.args, "--json");
    if (request->comma)
        strv_add(&there.args, "--comma");
    return there_server(app, &verb_labels, request->sync.lab, request->server, &there);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.sync = {.every_ms = EVERY_MS},
                              .options = {.rules = LABEL_RULES_DEFAULT}};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    struct err err = {0};
    int first, code, rc, signal;

    if (!cmd_parse(&verb_labels, argc, argv, take, &request, &first, &code)) {
        strv_done(&request.options.added);
        return code;
    }
    request.sync.rules = request.options.rules;
    request.sync.rules.added = &request.options.added;
    if (first < argc)
        rc = err_set(&err, ERR_USAGE, "'%s': labels takes no operands", argv[first]);
    else if (request.sync.dry_run && !request.do_sync)
        rc = err_set(&err, ERR_USAGE, "--dry-run is for --sync and --watch");
    else if (request.server && request.do_sync)
        rc = err_set(&err, ERR_USAGE,
                     "--server goes with neither --sync nor --watch: the host of a runner keeps it "
                     "in line, by a hil labels of its own");
    else if (request.server)
        return strv_done(&request.options.added), labels_there(app, &request);
    else
        rc = request.do_sync ? synchronise(&request, app, &ctx, &err) : show(&request, &ctx, &err);
    strv_done(&request.options.added);
    signal = cmd_cancel_signal(app);
    if (signal)
        return 128 + signal;
    return rc < 0 ? cmd_fail(&verb_labels, &err) : 0;
}

const struct opt_verb verb_labels = {
    .name = "labels",
    .operands = "",
    .summary = "print the labels that this lab gives a runner, or keep a runner's in line",
    .description =
        "A runner's labels promise boards. They are: hil, then the labels of every board that is "
        "there and well. A board is there if its tty (or its USB device) and the programs of its "
        "drivers are; nothing of it is opened. It is not well once its last three runs, one after "
        "the other, ended as infra, until a run on it ends otherwise; half an hour after the last "
        "of them it gets another chance.\n\n"
        "--sync changes the runner's custom labels at GitHub, where they differ. A board that dies "
        "so drops its label, and jobs wait for a good one instead of failing on a bad one. Labels "
        "of the runner that are none of this lab's stay, unless --exact.\n\n"
        "GitHub wants a token that may administer runners: of a repository administration: write, "
        "of an organisation organization_self_hosted_runners: write. A job's own GITHUB_TOKEN "
        "never may. A label says nothing of combinations: with one board that has-can and another "
        "that is-fast, a runner has both labels and no board has both.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
