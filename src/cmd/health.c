/* SPDX-License-Identifier: MIT */
#include "cmd/cmd.h"
#include "cmd/session_options.h"
#include "cmd/there.h"

#include <inttypes.h>
#include <stdio.h>

static const struct opt_row rows[] = {
    {"board", 'b', "NAME|LABELS",
     "Only boards with this name or with all of these labels, parted by commas. May be given "
     "several times.",
     NULL},
    {"due", 0, NULL,
     "Only boards whose last check is longer ago than their `every`, and boards in quarantine.",
     NULL},
    CMD_ROW_LAB,
    THERE_ROW_SERVER,
    {"wait", 'w', "DURATION",
     "How long to wait for boards that others hold; 0 does not wait. Without it: as lab.yaml says.",
     NULL},
    {"out", 'o', "DIR", "Where results go; hil-health where not given.", "Output"},
    {"quiet", 'q', NULL, "Print only the verdict.", NULL},
    {"verbose", 'v', NULL, "Also print each test; -vv commands, too; -vvv the console.", NULL},
    {0},
};

static const char *const examples[] = {"Is nucleo-3 well again?",
                                       "hil health -b nucleo-3",
                                       "Those of a server; its results stay there",
                                       "hil health --server pi1",
                                       "What a timer runs every hour",
                                       "hil health --due --wait 0 -q -o /var/lib/hil/health",
                                       NULL};

static const char *const see_also[] = {"boards", "run", "labels", NULL};

struct request {
    struct session_request session;
    const char *server;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;
    int taken = session_options_take(row, value, &request->session, err);

    if (taken < 0)
        return -(int)err->code;
    if (!taken && str_eq(row->name, "server"))
        request->server = value;
    else if (!taken)
        request->session.health = HEALTH_DUE;
    return 0;
}

static void request_done(struct request *request)
{
    strv_done(&request->session.plan.selectors);
    holder_done(&request->session.holder);
}

/* By the hil of that server, which has the golden images and the quarantine. */
static int health_there(const struct app *app, const struct request *request)
{
    const struct session_request *session = &request->session;
    struct there there = {0};

    for (size_t i = 0; i < session->plan.selectors.count; i++)
        strv_addf(&there.args, "--board=%s", session->plan.selectors.items[i]);
    if (session->health == HEALTH_DUE)
        strv_add(&there.args, "--due");
    if (session->wait_ms >= 0)
        strv_addf(&there.args, "--wait=%" PRId64 "ms", session->wait_ms);
    if (session->verbosity < 0)
        strv_add(&there.args, "--quiet");
    for (int i = 0; i < session->verbosity; i++)
        strv_add(&there.args, "--verbose");
    return there_server(app, &verb_health, session->lab_path, request->server, &there);
}

static int run(const struct app *app, int argc, char **argv)
{
    __attribute__((cleanup(request_done))) struct request request = {
        .session = {.version = app->version,
                    .out_dir = "hil-health",
                    .health = HEALTH_ALL,
                    .wait_ms = -1,
                    .cancel_fd = app->cancel_fd,
                    .download = {DOWNLOAD_DEFAULTS, .version = app->version},
                    .plan = {PLAN_OPTIONS_DEFAULTS}},
    };
    struct session_request *session = &request.session;
    struct err err = {0};
    enum verdict verdict;
    int first, code;

    if (!cmd_parse(&verb_health, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc) {
        err_set(&err, ERR_USAGE, "'%s': health takes no operands; choose boards with --board",
                argv[first]);
        return cmd_fail(&verb_health, &err);
    }
    if (request.server)
        return health_there(app, &request);
    holder_self(app->argc, app->argv, &session->holder);
    session->term = term_open(stdout);
    code = session_run(session, &verdict, &err) < 0 ? cmd_fail(&verb_health, &err)
                                                    : verdict_exit_code(verdict);
    return cmd_exit(app, code);
}

const struct opt_verb verb_health = {
    .name = "health",
    .operands = "",
    .summary = "run each board's golden image: is the board well?",
    .description =
        "Flashes and tests, on each board that has one, the golden image that lab.yaml names: "
        "firmware that a good board passes.\n\n"
        "  nucleo-3:\n"
        "    health: {firmware: golden/nucleo.elf, every: 6h}\n\n"
        "A board that fails goes into quarantine, and one that passes comes out of it: no run "
        "takes "
        "a board that is in quarantine, and its labels are taken from the runner (hil labels). A "
        "board also goes there when it could not be flashed and nothing helped. hil boards shows "
        "why, hil boards --release takes it out by hand.\n\n"
        "A board that somebody holds for longer than --wait is left as it is. Where nothing is due "
        "nothing is done, and the exit code is 0.",
    .rows = rows,
    .fails = "fail: a golden image did not pass",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
