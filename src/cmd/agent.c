/* SPDX-License-Identifier: MIT */
#include "remote/agent.h"

#include "base/ctx.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "conf/lab.h"
#include "remote/install.h"
#include "remote/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct opt_row rows[] = {
    {"install", 0, "SERVER",
     "Copy hil to that server of lab.yaml instead, as ~/.local/bin/hil, after asking. It is tried "
     "there first: where it does not run nothing changes.",
     "Setting a server up"},
    {"program", 0, "FILE",
     "With --install: this hil, built for the server's machine, instead of the one that runs here.",
     NULL},
    {"yes", 'y', NULL, "With --install: do not ask.", NULL},
    CMD_ROW_LAB,
    {0},
};

static const char *const examples[] = {"Set up a server that lab.yaml names",
                                       "hil agent --install pi1", "One with another processor",
                                       "hil agent --install pi1 --program build-arm64/hil", NULL};

static const char *const see_also[] = {"boards", "run", "doctor", NULL};

struct request {
    const char *install, *program, *lab;
    bool yes;
};

static int take(void *arg, const struct opt_row *row, const char *value, struct err *err)
{
    struct request *request = arg;

    (void)err;
    if (row->letter == 'l')
        request->lab = value;
    else if (row->letter == 'y')
        request->yes = true;
    else if (str_eq(row->name, "program"))
        request->program = value;
    else
        request->install = value;
    return 0;
}

/* ---- --install --------------------------------------------------------------------------- */

/* Another program is the user's to know. */
static int check_machine(const struct install_look *look, const struct request *request,
                         struct err *err)
{
    struct utsname ours;

    if (request->program || uname(&ours) < 0 || str_eq(ours.machine, look->machine))
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s is %s, and this hil is for %s: build one for it, and name it with --program",
                   look->host, look->machine, ours.machine);
}

static int ask(const struct app *app, const char *program, const struct install_look *look,
               struct err *err)
{
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    char answer[16] = "";

    if (!isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE, "--install asks, and there is no terminal; try --yes");
    printf("Copy %s to %s as ~/.local/bin/hil? [y/N] ", program, look->host);
    fflush(stdout);
    if (ctx_read(&ctx, STDIN_FILENO, answer, sizeof answer - 1, err) < 0)
        return -(int)err->code;
    return answer[0] == 'y' || answer[0] == 'Y' ? 0 : err_set(err, ERR_CANCELLED, "left as it is");
}

/* That an agent answers says that it is found there, too. */
static int check_agent(const struct server_conf *conf, const struct ctx *ctx, struct err *err)
{
    struct server *server = NULL;
    int rc = server_open(conf, ctx, &server, err);

    server_close(server);
    return rc;
}

static int install_on(const struct app *app, const struct server_conf *conf,
                      const struct request *request, struct err *err)
{
    struct ctx ctx = ctx_root(app->cancel_fd, NULL);
    cleanup_free char *self = realpath("/proc/self/exe", NULL);
    const char *program = request->program ? request->program : self;
    cleanup_free char *version = NULL;
    struct install_look look;
    int rc = install_look(conf, &ctx, &look, err);

    if (rc == 0)
        rc = check_machine(&look, request, err);
    if (rc == 0 && !request->yes)
        rc = ask(app, program, &look, err);
    if (rc == 0)
        rc = install_copy(conf, &look, program, &ctx, &version, err);
    if (rc == 0)
        rc = check_agent(conf, &ctx, err);
    if (rc == 0)
        printf("%s: %s answers\n", conf->name, version);
    return rc;
}

static int install(const struct app *app, const struct request *request, struct err *err)
{
    cleanup_free char *path = lab_find(request->lab, err);
    const struct server_conf *conf = NULL;
    struct diags diags = {0};
    struct lab *lab = NULL;
    int rc = path ? lab_load(path, &lab, &diags, err) : -(int)err->code;

    if (rc == 0 && request->program && access(request->program, R_OK) < 0)
        rc = err_named(err_sys(err, errno, "--program: %s", request->program), err);
    if (rc == 0 && lab) {
        conf = lab_server(lab, request->install, err);
        rc = conf ? install_on(app, conf, request, err) : -ERR_CONFIG;
    }
    diags_done(&diags);
    lab_free(lab);
    return rc;
}

/* ---- the far end ------------------------------------------------------------------------- */

static int serve(const struct app *app, struct err *err)
{
    struct agent_options options = {.version = app->version,
                                    .in_fd = STDIN_FILENO,
                                    .out_fd = STDOUT_FILENO,
                                    .cancel_fd = app->cancel_fd};

    if (isatty(STDIN_FILENO))
        return err_set(err, ERR_USAGE,
                       "this is what hil starts on another host by ssh, and nothing to type; "
                       "there, name this host under servers: in lab.yaml");
    return agent_run(&options, err);
}

static int run(const struct app *app, int argc, char **argv)
{
    struct request request = {0};
    struct err err = {0};
    int first, code, rc;

    if (!cmd_parse(&verb_agent, argc, argv, take, &request, &first, &code))
        return code;
    if (first < argc)
        rc = err_set(&err, ERR_USAGE, "'%s': agent takes no operands", argv[first]);
    else if (!request.install && (request.program || request.yes))
        rc = err_set(&err, ERR_USAGE, "--program and --yes go with --install");
    else
        rc = request.install ? install(app, &request, &err) : serve(app, &err);
    code = rc < 0 ? cmd_fail(&verb_agent, &err) : 0;
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
