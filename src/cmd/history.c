/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"
#include "base/fs.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/history_options.h"
#include "cmd/history_print.h"
#include "cmd/lab_store.h"
#include "conf/lab.h"
#include "store/prune.h"

#include <inttypes.h>
#include <stdio.h>

#define SHOWN 20 /* rows of a table */

static const struct opt_row rows[] = {
    {"board", 'b', "BOARD", "Only this board.", "Which tries"},
    {"test", 't', "NAME",
     "Only this test: a job's name, or a case as NAME or SUITE.NAME; a quoted pattern may stand "
     "for "
     "several.",
     NULL},
    {"since", 's', "TIME", "Only what began since: 7d, 12h, 2026-11-01 or '2026-11-01 14:00'.",
     NULL},
    {"verdict", 'V', "pass|fail|infra[,...]", "Only what ended so.", NULL},
    {"lab", 'l', "FILE",
     "Only what ran in this lab; without it, what ran in any lab of this user. With --prune: whose "
     "limits hold.",
     NULL},
    {"limit", 'n', "N",
     "At most so many rows, the newest (20; 0: all). Of --json and --csv there is no limit without "
     "it.",
     NULL},
    {"events", 0, NULL,
     "Instead: what else happened to boards: hil flash, quarantine, release, recovery, images that "
     "hil "
     "watch gave up on.",
     NULL},
    {"all", 'a', NULL, "With RUN: all of its cases, also those that passed.", NULL},
    CMD_ROW_JSON,
    {"csv", 0, NULL, "Write CSV; with RUN its cases.", NULL},
    {"prune", 0, NULL,
     "Instead: forget at once what is more than lab.yaml allows, and give the disk its room back. "
     "Each run does a little of it anyway.",
     "Keeping it small"},
    {0},
};

static const char *const examples[] = {"What happened lately?",
                                       "hil history",
                                       "Everything that nucleo-3 failed this week",
                                       "hil history -b nucleo-3 -s 7d -V fail,infra -n 0",
                                       "How long did that test take, run by run?",
                                       "hil history -t uart.echo --csv",
                                       "One run, and the tests that failed in it",
                                       "hil history 184",
                                       "One attempt of hil watch",
                                       "hil history w12",
                                       NULL};

static const char *const see_also[] = {"flaky", "run", "watch", "boards", NULL};

struct request {
    struct history_filter filter;
    enum history_form form;
    bool limited, events, all, prune;
    const char *lab;
};

static unsigned verdicts_of(const char *value)
{
    cleanup_strv struct strv words = {0};
    unsigned mask = 0;

    strv_split(&words, value, ',');
    for (enum verdict verdict = VERDICT_PASS; verdict <= VERDICT_INFRA; verdict++)
        if (strv_has(&words, verdict_name(verdict)))
            mask |= 1U << verdict;
    return mask;
}

static int take_limit(const char *value, struct request *request, struct err *err)
{
    uint64_t limit = 0;
    int rc = str_to_u64(value, INT64_MAX, "--limit", &limit, err);

    request->filter.limit = (size_t)limit;
    request->limited = true;
    return rc;
}

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken = history_options_take(row, value, &request->filter, err);

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    switch (row->letter) {
    case 'V':
        request->filter.verdicts |= verdicts_of(value);
        return 0;
    case 'n':
        return take_limit(value, request, err);
    case 'a':
        request->all = true;
        return 0;
    }
    if (str_eq(row->name, "lab"))
        request->lab = value;
    else if (str_eq(row->name, "events"))
        request->events = true;
    else if (str_eq(row->name, "prune"))
        request->prune = true;
    else
        request->form = str_eq(row->name, "csv") ? HISTORY_CSV : HISTORY_JSON;
    return 0;
}

/* "184", or "w12" of hil watch. */
static int show_one(struct store *store, const struct request *request, const char *name,
                    struct err *err)
{
    bool watch = *name == 'w';
    uint64_t id = 0;
    int rc = str_to_u64(name + watch, INT64_MAX, "RUN", &id, err);

    if (rc < 0)
        return err_set(err, ERR_USAGE,
                       "'%.80s' is no run: 184, or w12 of hil watch, as hil history lists them",
                       name);
    if (watch)
        return history_print_watch(store, (int64_t)id, request->form, err);
    return history_print_run(store, (int64_t)id, request->all, request->form, err);
}

static int show(const struct request *request, const char *name, struct err *err)
{
    cleanup_lab struct lab *lab = NULL;
    struct history_filter filter = request->filter;
    struct store *store = NULL;
    int rc = lab_store_open(request->lab, false, &lab, &store, err);

    if (rc < 0 && rc != -ERR_NOT_FOUND)
        return rc;
    filter.lab = lab && request->lab ? lab->name : NULL;
    rc = history_options_check(store, lab, &filter, err);
    if (!request->limited && request->form == HISTORY_TABLE)
        filter.limit = SHOWN;
    if (rc == 0 && name)
        rc = show_one(store, request, name, err);
    else if (rc == 0 && request->events)
        rc = history_print_events(store, &filter, request->form, err);
    else if (rc == 0)
        rc = history_print_tries(store, &filter, request->form, err);
    store_close(store);
    return rc;
}

static int prune(const struct request *request, struct err *err)
{
    cleanup_free char *dir = fs_state_dir(), *path = lab_find(request->lab, err);
    struct diags diags = {0};
    struct store *store = NULL;
    struct lab *lab = NULL;
    uint64_t runs = 0;
    int rc;

    if (!path)
        return -(int)ERR_CONFIG;
    rc = lab_load(path, &lab, &diags, err);
    diags_done(&diags);
    if (rc == 0)
        rc = store_open(&lab->store, dir, false, &store, err);
    if (rc == 0)
        rc = store_prune(store, lab->name, &lab->store, ctx_unix_us(), true, &runs, err);
    store_close(store);
    lab_free(lab);
    if (rc == 0)
        printf("%" PRIu64 " run%s forgotten\n", runs, runs == 1 ? "" : "s");
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.form = HISTORY_TABLE};
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_history, argc, argv, take, &request, &first, &code))
        return code;
    if (first + 1 < argc)
        err_set(&err, ERR_USAGE, "'%s': one RUN at a time", argv[first + 1]);
    else if (first == argc && request.all)
        err_set(&err, ERR_USAGE, "--all goes with a RUN");
    else if (first < argc && request.prune)
        err_set(&err, ERR_USAGE, "--prune takes no RUN");
    code = err.code        ? -1
           : request.prune ? prune(&request, &err)
                           : show(&request, first < argc ? argv[first] : NULL, &err);
    return code < 0 ? cmd_exit(app, cmd_fail(&verb_history, &err)) : 0;
}

const struct opt_verb verb_history = {
    .name = "history",
    .operands = "[RUN]",
    .summary = "what ran on the boards, and what came of it",
    .description =
        "Each run remembers what every board did: verdict, reason, tests with their durations, "
        "image, commit. So does each attempt of hil watch. A row is a try: one image on one board; "
        "a retried job has several.\n\n"
        "RUN is the number in the first column: its boards, and the tests that did not pass. Those "
        "of hil watch begin with w.\n\n"
        "The history is in the state directory ($HIL_STATE_DIR, else ~/.local/state/hil) and "
        "serves all labs of this user. lab.yaml says for how long it is kept, and how large it may "
        "become:\n\n"
        "  store: {keep: 180d, max-size: 512M}\n\n"
        "CSV and JSON have more: probe, tool, build-id, seconds of each phase.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
