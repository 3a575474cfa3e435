/* SPDX-License-Identifier: MIT */
#include "remote/agent.h"

#include "base/str.h"
#include "cmd/cmd.h"

#include <unistd.h>

static const struct opt_row rows[] = {{0}};

static const char *const examples[] = {"Whether a server answers, by hand",
                                       "ssh -T pi1 hil agent </dev/null | head -c 200", NULL};

static const char *const see_also[] = {"boards", "run", "doctor", NULL};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    (void)arg;
    (void)value;
    return err_set(err, ERR_USAGE, "--%s: no such option", row->name);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct agent_options options = {.version = app->version,
                                    .in_fd = STDIN_FILENO,
                                    .out_fd = STDOUT_FILENO,
                                    .cancel_fd = app->cancel_fd};
    struct err err = {0};
    int first, code;

    if (!cmd_parse(&verb_agent, argc, argv, take, NULL, &first, &code))
        return code;
    if (first < argc)
        err_set(&err, ERR_USAGE, "'%s': agent takes no operands", argv[first]);
    else if (isatty(STDIN_FILENO))
        err_set(&err, ERR_USAGE,
                "this is what hil starts on another host by ssh, and nothing to type; there, name "
                "this host under servers: in lab.yaml");
    if (err.code)
        return cmd_fail(&verb_agent, &err);
    code = agent_run(&options, &err) < 0 ? cmd_fail(&verb_agent, &err) : 0;
    return cmd_exit(app, code);
}

const struct opt_verb verb_agent = {
    .name = "agent",
    .operands = "",
    .summary = "what hil starts on another host to use the boards there",
    .description =
        "Another host's hil, whose lab.yaml names this one under servers:, starts `hil agent` here "
        "by ssh and asks it for hil's own verbs: run, flash, boards, power, reset, console, rest, "
        "discover, doctor. No port is opened; who may is who may log in by ssh.\n\n"
        "Boards are used by this host's lab.yaml, leases, drivers and flashing tools, exactly as "
        "by somebody who is logged in here. When the connection ends, whatever ran is ended, and "
        "its board is at rest and free within seconds.\n\n"
        "Firmware that was sent is kept in the state directory, agent/images, at most 1 GiB.",
    .rows = rows,
    .examples = examples,
    .see_also = see_also,
    .run = run,
};
