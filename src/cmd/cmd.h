/* SPDX-License-Identifier: MIT
 *
 * cmd: one file a verb: parse its options, call one function below, print.
 *
 * A verb returns the exit code of DESIGN's table: 0 pass, 1 fail, 2 usage or configuration, 3
 * infra, 128 + signal when cancelled. Its `const struct opt_verb` is its help page, man page and
 * completion.
 */
#ifndef HIL_CMD_CMD_H
#define HIL_CMD_CMD_H

#include "base/json.h"
#include "base/opt.h"

#include <stdbool.h>

struct app { /* what main knows; lives as long as the program */
    const char *version;
    int cancel_fd; /* readable from the first SIGINT, SIGTERM or SIGHUP on */
    int argc;      /* the whole command line, for lease records */
    char **argv;
};

extern const struct opt_verb verb_run, verb_collect, verb_flash, verb_replay, verb_fetch, verb_gate,
    verb_image, verb_boards, verb_health, verb_discover, verb_console, verb_power, verb_reset,
    verb_hub, verb_rest, verb_labels, verb_runner, verb_watch, verb_rig, verb_pool, verb_serve,
    verb_history, verb_flaky, verb_store, verb_notify, verb_agent, verb_doctor, verb_formats,
    verb_drivers;
extern const struct opt_verb *const verbs[]; /* NULL-terminated, in the order of the help */

/* Parses a verb's options as opt_parse() does. True: go on with the operands at argv[*ret_first].
 * False: help was printed or the mistake told; *ret_exit is the exit code. */
bool cmd_parse(const struct opt_verb *verb, int argc, char **argv,
               int (*take)(void *arg, const struct opt_row *row, const char *value,
                           struct err *err),
               void *arg, int *ret_first, int *ret_exit);
/* Prints "hil VERB: message" and returns the error's exit code. */
int cmd_fail(const struct opt_verb *verb, const struct err *err);
/* The signal that cancelled us (128 + it is the exit code), 0: none. */
int cmd_cancel_signal(const struct app *app);
/* What a verb returns: 128 + the signal that cancelled us, else `code`. */
int cmd_exit(const struct app *app, int code);

/* The object that --json writes to stdout, its `schema` first; the verb writes the members between.
 * cmd_json_end() is 0 or the error of writing. */
void cmd_json_begin(struct json_out *out);
int cmd_json_end(struct json_out *out, struct err *err);

/* Options that several verbs take, as rows to be listed by each. */
#define CMD_ROW_LAB                                                                           \
    {                                                                                         \
        "lab", 'l', "FILE",                                                                   \
            "The lab's boards. Without it: $HIL_LAB, ./lab.yaml, /etc/hil/lab.yaml, in that " \
            "order.",                                                                         \
            NULL                                                                              \
    }
#define CMD_ROW_JSON                                               \
    {                                                              \
        "json", 0, NULL, "Write JSON for a program to read.", NULL \
    }

#endif
