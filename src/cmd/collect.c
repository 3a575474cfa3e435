/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/reports.h"
#include "remote/servers.h"
#include "run/collected.h"
#include "run/detached.h"
#include "run/origin.h"

#include <stdio.h>

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"wait", 'w', "TIME", "Wait so long for tests that are still at work (0s).", NULL},
    {0},
};

static const char *const examples[] = {"Start a test on a server's board and leave with Ctrl-C",
                                       "hil run --detach -b pi1/nucleo-3 app.elf",
                                       "Its result, later", "hil collect --wait 10m", NULL};

static const char *const see_also[] = {"run", "replay", NULL};

struct request {
    const char *lab;
    int64_t wait_ms;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    if (row->letter == 'l')
        request->lab = value;
    else
        return str_to_ms(value, "--wait", &request->wait_ms, err);
    return 0;
}

static void warn(const char *text)
{
    fprintf(stderr, "hil: warning: %s\n", text);
}

/* As hil run says it; 0, or a negative error of what could not be written. */
static int tell(const struct run_result *run, const char *path, struct err *err)
{
    struct term term = term_open(stdout);
    int rc = report_step_summary(run, origin_step_summary(), err);

    if (rc == 0)
        rc = report_step_outputs(run, path, origin_step_outputs(), err);
    if (reports_annotations_auto())
        report_annotations(run, term.out);
    report_terminal(run, path, false, &term);
    return rc;
}

/* What has come home is told before what is amiss with the others. */
static int finish(const struct detached_request *from, const struct strv *home,
                  const struct ctx *ctx, struct err *err)
{
    const struct collected collected = {
        .path = from->path, .lab = from->lab, .home = home, .warn = warn};
    struct run_result run = {0};
    int rc = collected_run(&collected, &run, err);

    if (rc == 0)
        detached_settle(from, home, ctx);
    if (rc == 0)
        rc = tell(&run, from->path, err);
    if (rc == 0)
        rc = verdict_exit_code(run.verdict);
    run_result_done(&run);
    return rc;
}

/* The exit code, or a negative error. */
static int collect(const struct app *app, const struct request *request, const char *path,
                   struct err *err)
{
    const struct servers_wanted wanted = {.lab_option = request->lab, .ask = ASK_NONE};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    cleanup_strv struct strv home = {0};
    struct inventory inventory = {0};
    struct servers servers = {0};
    cleanup_close int lock_fd = -1;
    int rc = servers_inventory(&wanted, &ctx, &inventory, &servers, err), code;
    const struct detached_request from = {
        .path = path, .lab = inventory.lab, .wait_ms = request->wait_ms};

    if (rc == 0)
        rc = detached_lock(path, &lock_fd, err);
    if (rc == 0) {
        rc = detached_collect(&from, &ctx, &home, err);
        if (rc == 0 || home.count) {
            code = finish(&from, &home, &ctx, rc < 0 ? NULL : err);
            rc = rc < 0 ? rc : code;
        }
    }
    servers_forget(&servers);
    inventory_close(&inventory);
    return rc;
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {0};
    const char *path = "hil-out";
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_collect, argc, argv, take, &request, &first, &code))
        return code;
    if (argc - first > 1) {
        err_set(&err, ERR_USAGE, "one run directory at a time, not '%s', too", argv[first + 1]);
        return cmd_fail(&verb_collect, &err);
    }
    if (first < argc)
        path = argv[first];
    code = collect(app, &request, path, &err);
    return cmd_exit(app, code < 0 ? cmd_fail(&verb_collect, &err) : code);
}

const struct opt_verb verb_collect = {
    .name = "collect",
    .operands = "[RUN-DIRECTORY]",
    .summary = "fetch what tests on servers' boards did after hil run --detach had gone",
    .description =
        "Fetches the files of those that have ended into the run directory (hil-out), writes its "
        "reports anew, tells the history and whom lab.yaml's notify: names, and ends with the "
        "verdict, as the run would have. What hil run had not begun before it was killed is infra, "
        "and so is what its server keeps and is broken. Exit code 3 while one is still at work. "
        "Where nothing is left to fetch it is the verdict again.",
    .rows = rows,
    .fails = "fail: the firmware is to blame",
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
