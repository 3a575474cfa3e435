/* SPDX-License-Identifier: MIT */
#include "cmd/desk.h"

#include "base/str.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int desk_options_take(const struct opt_row *row, const char *value, struct desk_options *options,
                      struct err *err)
{
    if (row->letter == 'l')
        options->lab = value;
    else if (row->letter == 'w')
        return str_to_ms(value, "--wait", &options->wait_ms, err) < 0 ? -1 : 1;
    else
        return 0;
    return 1;
}

void desk_options_args(const struct desk_options *options, struct strv *args)
{
    if (options->wait_ms < 0)
        return;
    strv_add(args, "--wait");
    strv_addf(args, "%" PRId64 "ms", options->wait_ms);
}

static void tell_waiting(void *arg, const char *why)
{
    cleanup_free char *clean = text_clean_dup(why, ERR_MESSAGE_MAX, TEXT_ONE_LINE);

    (void)arg;
    fprintf(stderr, "waiting: %s\n", clean);
}

int desk_open(const struct app *app, const struct desk_options *options, const char *board,
              struct desk **ret, struct err *err)
{
    struct holder holder;
    struct desk_request request = {.lab = options->lab,
                                   .board = board,
                                   .wait_ms = options->wait_ms,
                                   .holder = &holder,
                                   .cancel_fd = app->cancel_fd,
                                   .waiting = tell_waiting,
                                   .view = options->view};
    int rc;

    holder_self(app->argc, app->argv, &holder);
    rc = desk_take(&request, ret, err);
    holder_done(&holder);
    return rc;
}

int desk_end(const struct app *app, const struct opt_verb *verb, struct desk *desk, int rc,
             struct err *err, int code)
{
    if (desk)
        rc = desk_explain(desk, rc, err);
    if (rc < 0 && rc != -ERR_CANCELLED) {
        code = cmd_fail(verb, err);
        if (desk && err->code == ERR_TOOL)
            fprintf(stderr, "what the tool printed: %s\n", desk_keep_logs(desk));
    }
    desk_return(desk);
    return cmd_exit(app, code);
}
