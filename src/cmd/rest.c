/* SPDX-License-Identifier: MIT */
#include "run/rest.h"

#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/there.h"

#include <stdio.h>

static const struct opt_row rows[] = {
    CMD_ROW_LAB,
    {"job", 0, NULL,
     "First end what this job of GitHub Actions has left running on a board. For a runner's "
     "ACTIONS_RUNNER_HOOK_JOB_COMPLETED.",
     NULL},
    {0},
};

static const char *const examples[] = {"Everything that nobody uses", "hil rest",
                                       "In the hook that a runner calls after each job",
                                       "hil rest --job", NULL};

static const char *const see_also[] = {"power", "boards", "runner", NULL};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct rest_request *request = arg;

    (void)err;
    if (row->letter == 'l')
        request->lab = value;
    else
        request->job = true;
    return 0;
}

static void tell(void *arg, const char *board, enum rest_outcome outcome, const char *text)
{
    static const char *const words[] = {
        [REST_OFF] = "at rest: switched off",     [REST_ALREADY] = "at rest: is off",
        [REST_NO_SWITCH] = "has no power switch", [REST_HELD] = "left alone: ",
        [REST_ENDED] = "this job's, ended: ",     [REST_FAILED] = "cannot be brought to rest: "};
    cleanup_free char *clean = text_clean_dup(text, ERR_MESSAGE_MAX, TEXT_ONE_LINE);
    bool says = outcome == REST_HELD || outcome == REST_ENDED || outcome == REST_FAILED;

    (void)arg;
    fprintf(outcome == REST_FAILED ? stderr : stdout, "%s: %s%s\n", board, words[outcome],
            says ? clean : "");
}

static int run(const struct app *app, int argc, char **argv)
{
    cleanup_strv struct strv which = {0};
    struct holder holder;
    struct rest_request request = {
        .which = &which, .holder = &holder, .cancel_fd = app->cancel_fd, .tell = tell};
    struct err err = {0};
    size_t failed = 0;
    int first, code, rc, signal, worst = 0;

    if (!cmd_parse(&verb_rest, argc, argv, take, &request, &first, &code))
        return code;
    for (int i = first; i < argc; i++) {
        struct there there = {.prefix = "/"};
        if (there_board(app, &verb_rest, request.lab, argv[i], &there, &code))
            worst = code > worst ? code : worst;
        else
            strv_add(&which, argv[i]);
    }
    if (first < argc && !which.count)
        return worst;
    holder_self(app->argc, app->argv, &holder);
    rc = rest_boards(&request, &failed, &err);
    holder_done(&holder);
    signal = cmd_cancel_signal(app);
    if (signal)
        return 128 + signal;
    if (rc < 0)
        return cmd_fail(&verb_rest, &err);
    return failed ? err_exit_code(ERR_BUSY) : worst;
}

const struct opt_verb verb_rest = {
    .name = "rest",
    .operands = "[BOARD]...",
    .summary = "bring boards that nobody uses to rest: power off",
    .description =
        "Takes each board (all, or those with the names or labels given) and switches it off, "
        "where it has a power driver. A board that somebody holds is left alone; where it was "
        "named that is exit code 3.\n\n"
        "After a run boards are at rest by themselves. This is for what was switched on by hand, "
        "and with --job for what outlived its step: a step that was cancelled while a shell stood "
        "between the runner and hil leaves hil running. --job finds what holds a board and was "
        "started by the same job on the same runner, sends it SIGTERM, five seconds later SIGKILL, "
        "and waits until its boards are free.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
