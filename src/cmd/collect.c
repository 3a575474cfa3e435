/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "remote/servers.h"
#include "run/detached.h"
#include "run/remember.h"
#include "run/replay.h"

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

/* The history has what came home, as it would have of a run that stayed. */
static void remember(const struct lab *lab, const char *path, const struct strv *collected)
{
    const struct replay_options options = {.image = NULL};
    struct run_result run = {0};
    struct memory memory = {0};
    struct err err = {0};
    int rc = replay_path(path, &options, &run, &err);
    size_t kept = 0;

    for (size_t i = 0; i < run.count; i++) {
        if (strv_has(collected, run.jobs[i]->dir))
            run.jobs[kept++] = run.jobs[i];
        else
            job_result_free(run.jobs[i]);
    }
    run.count = kept;
    if (rc == 0)
        rc = remember_open(lab, &memory, &err);
    if (rc < 0)
        fprintf(stderr, "hil: warning: %s\n", err.message);
    if (remember_run(&memory, &run, &err) < 0)
        fprintf(stderr, "hil: warning: %s\n", err.message);
    remember_close(&memory);
    run_result_done(&run);
}

static int collect(const struct app *app, const struct request *request, const char *path,
                   struct err *err)
{
    const struct servers_wanted wanted = {.lab_option = request->lab, .ask = ASK_NONE};
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    cleanup_strv struct strv collected = {0};
    struct inventory inventory = {0};
    struct servers servers = {0};
    int rc = servers_inventory(&wanted, &ctx, &inventory, &servers, err);

    if (rc == 0)
        rc = detached_collect(&(struct detached_request){.path = path,
                                                         .lab = inventory.lab,
                                                         .wait_ms = request->wait_ms},
                              &ctx, &collected, err);
    if (collected.count)
        remember(inventory.lab, path, &collected);
    servers_forget(&servers);
    inventory_close(&inventory);
    return rc;
}

/* The run directory's own reports, and the verdict, as hil replay has them. */
static int judge(const struct app *app, const char *path)
{
    cleanup_free char *junit = fs_join(path, "junit.xml"), *json = fs_join(path, "report.json"),
                      *summary = fs_join(path, "summary.md"), *html = fs_join(path, "report.html");
    char name[] = "replay", junit_at[] = "--junit", json_at[] = "--json";
    char summary_at[] = "--summary", html_at[] = "--html", end[] = "--";
    cleanup_free char *operand = xstrdup(path);
    char *argv[] = {name,    junit_at, junit, json_at, json,    summary_at,
                    summary, html_at,  html,  end,     operand, NULL};

    return verb_replay.run(app, (int)(sizeof argv / sizeof *argv) - 1, argv);
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
    if (collect(app, &request, path, &err) < 0)
        return cmd_exit(app, cmd_fail(&verb_collect, &err));
    return judge(app, path);
}

const struct opt_verb verb_collect = {
    .name = "collect",
    .operands = "[RUN-DIRECTORY]",
    .summary = "fetch what tests on servers' boards did after hil run --detach had gone",
    .description =
        "Fetches the files of those that have ended into the run directory (hil-out), writes its "
        "reports anew, and ends with the verdict, as the run would have. Exit code 3 while one is "
        "still at work. Where nothing is left to fetch it is the verdict again.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
