/* SPDX-License-Identifier: MIT */
#include "cmd/cmd.h"

#include "base/journal.h"
#include "base/str.h"
#include "base/term.h"
#include "base/text.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CMD_SCHEMA 1

const struct opt_verb *const verbs[] = {
    &verb_run,    &verb_collect, &verb_flash,    &verb_fetch,   &verb_replay,  &verb_gate,
    &verb_boards, &verb_health,  &verb_discover, &verb_console, &verb_power,   &verb_reset,
    &verb_hub,    &verb_rest,    &verb_labels,   &verb_runner,  &verb_watch,   &verb_rig,
    &verb_pool,   &verb_serve,   &verb_history,  &verb_flaky,   &verb_store,   &verb_notify,
    &verb_agent,  &verb_doctor,  &verb_image,    &verb_formats, &verb_drivers, NULL};

bool cmd_parse(const struct opt_verb *verb, int argc, char **argv,
               int (*take)(void *arg, const struct opt_row *row, const char *value,
                           struct err *err),
               void *arg, int *ret_first, int *ret_exit)
{
    struct err err = {0};
    int help = 0;

    if (opt_parse(verb, argc, argv, take, arg, ret_first, &help, &err) < 0) {
        err_hint(&err, "\nTry: hil %s --help", verb->name);
        *ret_exit = cmd_fail(verb, &err);
        return false;
    }
    if (help) {
        struct term term = term_open(stdout);
        opt_print_help(verb, "hil", stdout, term.columns);
        *ret_exit = 0;
        return false;
    }
    return true;
}

/* A service's last words, as an error. */
static bool tell_journal(const struct opt_verb *verb, const char *message)
{
    cleanup_free char *text = xasprintf("hil %s: %s", verb->name, message);
    struct journal journal;
    bool told;

    journal_open(&journal, STDERR_FILENO, JOURNAL_SOCKET);
    told = journal_send(&journal, JOURNAL_ERR, text, NULL);
    journal_close(&journal);
    return told;
}

int cmd_fail(const struct opt_verb *verb, const struct err *err)
{
    /* Messages quote files, tools and boards: no control character of theirs may get out. */
    cleanup_free char *message = text_clean_dup(err->message, sizeof err->message, 0);

    fflush(stdout);
    if (!tell_journal(verb, message))
        fprintf(stderr, "hil %s: %s\n", verb->name, message);
    return err_exit_code(err->code);
}

int cmd_cancel_signal(const struct app *app)
{
    struct pollfd fd = {.fd = app->cancel_fd, .events = POLLIN};
    struct signalfd_siginfo info;

    if (poll(&fd, 1, 0) != 1 || read(app->cancel_fd, &info, sizeof info) != sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

int cmd_exit(const struct app *app, int code)
{
    int signal = cmd_cancel_signal(app);

    return signal ? 128 + signal : code;
}

void cmd_json_begin(struct json_out *out)
{
    json_begin(out, STDOUT_FILENO, 2);
    json_object(out);
    json_kv_int(out, "schema", CMD_SCHEMA);
}

int cmd_json_end(struct json_out *out, struct err *err)
{
    json_object_end(out);
    return json_end(out, err);
}
