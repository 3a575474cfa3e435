/* SPDX-License-Identifier: MIT */
#include "runner/ephemeral.h"

#include "base/guard.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/runner_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_DIR "/opt/actions-runner"
#define EVERY_MS 30000
#define PAUSE_MS 5000
#define GRACE_MS 45000 /* the runner gives itself 30 s to end a job */

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"dir", 'd', "DIR", "Where GitHub's runner is unpacked (" DEFAULT_DIR ").", "The runner"},
    {"user", 'u', "USER", "Run it as this user, who cannot read our token. Needs root.", NULL},
    {"once", '1', NULL, "End after one job.", NULL},
    {"every", 0, "TIME", "How often its labels are compared with the boards (30s).", NULL},
    {"pause", 0, "TIME",
     "How long to wait after a runner that ended without a job (5s); doubles each time, up to 5 "
     "minutes.",
     NULL},
    {"grace", 0, "TIME", "How long a runner has to end its job when a signal comes (45s).", NULL},
    RUNNER_ROWS_LABELS,
    {"name", 0, "NAME", "What the runners' names begin with. Without it: this host's name.",
     "At GitHub"},
    {"group", 0, "N", "The number of their runner group (1, the default group).", NULL},
    {"work", 0, "FOLDER", "Their work folder, below DIR (_work).", NULL},
    RUNNER_ROWS_PLACE,
    {0},
};

static const char *const examples[] = {
    "As a service, jobs under a user of their own",
    "hil runner --org acme --user hil-runner --token-file /etc/hil/token", "One job from here",
    "hil runner --once --repo owner/name --dir ~/actions-runner --token-file token", NULL};

static const char *const see_also[] = {"labels", "rest", NULL};

struct request {
    struct ephemeral_request ephemeral;
    struct runner_options options;
    char host[65];
};

static int take_time(const struct opt_row *row, const char *value, int64_t *ret, struct err *err)
{
    cleanup_free char *name = xasprintf("--%s", row->name);
    int rc = str_to_ms(value, name, ret, err);

    return rc == 0 && *ret <= 0 ? err_set(err, ERR_USAGE, "%s: '%s' is no time", name, value) : rc;
}

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    struct ephemeral_request *ephemeral = &request->ephemeral;
    int taken = runner_options_take(row, value, &request->options, err);
    uint64_t number = 0;
    int rc = 0;

    if (taken)
        return taken < 0 ? -(int)err->code : 0;
    if (row->letter == 'l')
        ephemeral->sync.lab = value;
    else if (row->letter == 'd')
        ephemeral->dir = value;
    else if (row->letter == 'u')
        ephemeral->user = value;
    else if (row->letter == '1')
        ephemeral->once = true;
    else if (str_eq(row->name, "every"))
        rc = take_time(row, value, &ephemeral->sync.every_ms, err);
    else if (str_eq(row->name, "pause"))
        rc = take_time(row, value, &ephemeral->pause_ms, err);
    else if (str_eq(row->name, "grace"))
        rc = take_time(row, value, &ephemeral->grace_ms, err);
    else if (str_eq(row->name, "name"))
        ephemeral->sync.runner = value;
    else if (str_eq(row->name, "work"))
        ephemeral->work = value;
    else if ((rc = str_to_u64(value, INT32_MAX, "--group", &number, err)) == 0)
        ephemeral->group = (int64_t)number;
    return rc;
}

static void note(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "hil runner: %s\n", text);
}

static int serve(struct request *request, const struct app *app, struct err *err)
{
    struct github *github = NULL;
    struct guard *guard = NULL;
    int rc = guard_start(&guard, err);
    struct ctx ctx = ctx_root(app->cancel_fd, guard);

    if (rc == 0)
        rc = runner_options_open(&request->options, app->version, note, &github, err);
    request->ephemeral.sync.place = request->options.place;
    if (rc == 0 && !github_token(github))
        rc = err_set(err, ERR_USAGE, "registering a runner needs a token: --token-file");
    if (rc == 0)
        rc = ephemeral_run(&request->ephemeral, github, &ctx, err);
    github_close(github);
    guard_stop(guard);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {.ephemeral = {.dir = DEFAULT_DIR,
                                            .group = 1,
                                            .pause_ms = PAUSE_MS,
                                            .grace_ms = GRACE_MS,
                                            .sync = {.every_ms = EVERY_MS, .note = note}},
                              .options = {.rules = LABEL_RULES_DEFAULT}};
    struct sync_request *sync = &request.ephemeral.sync;
    struct err err = {0};
    int first, code, rc, signal;

    if (!cmd_parse(&verb_runner, argc, argv, take, &request, &first, &code)) {
        strv_done(&request.options.added);
        return code;
    }
    sync->rules = request.options.rules;
    sync->rules.added = &request.options.added;
    if (!sync->runner)
        sync->runner =
            gethostname(request.host, sizeof request.host - 1) < 0 ? "hil" : request.host;
    rc = first < argc ? err_set(&err, ERR_USAGE, "'%s': runner takes no operands", argv[first])
                      : serve(&request, app, &err);
    strv_done(&request.options.added);
    signal = cmd_cancel_signal(app);
    if (signal)
        return 128 + signal;
    return rc < 0 ? cmd_fail(&verb_runner, &err) : 0;
}

const struct opt_verb verb_runner = {
    .name = "runner",
    .operands = "",
    .summary = "be a self-hosted runner of GitHub Actions: a fresh one for each job",
    .description =
        "Registers a runner that takes one job, starts GitHub's own runner (DIR/run.sh) with it, "
        "waits for its end, and begins again. Its labels are those that hil labels prints, and "
        "they follow the boards while it waits. Nothing of a registration outlives its job: "
        "neither a signal nor a crash of the runner leaves one behind at GitHub.\n\n"
        "The registration is a secret, handed over in the environment and not as an argument. "
        "The token that makes it (see hil labels) must not be in reach of jobs: run this as root "
        "with --user, as scripts/setup-runner --ephemeral sets it up. The work folder stays "
        "between jobs; actions/checkout cleans it.\n\n"
        "A signal is passed on: the runner cancels its job, boards come to rest, and hil ends with "
        "128 + signal.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
