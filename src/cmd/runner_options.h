/* SPDX-License-Identifier: MIT
 *
 * runner_options: what `labels` and `runner` take alike: which labels, whose runners, whose token.
 */
#ifndef HIL_CMD_RUNNER_OPTIONS_H
#define HIL_CMD_RUNNER_OPTIONS_H

#include "base/opt.h"
#include "runner/sync.h"

#define RUNNER_ROWS_LABELS                                                                      \
    {"names", 0, NULL, "The boards' names are labels, too.", "Which labels"},                   \
        {"add", 0, "LABEL", "One more, whatever the boards say. May be given several times.",   \
         NULL},                                                                                 \
        {"infra-max", 0, "N",                                                                   \
         "A board whose last N runs ended as infra is not well (3; 0: verdicts do not count).", \
         NULL},                                                                                 \
    {                                                                                           \
        "retry-after", 0, "TIME", "When such a board gets another chance (30m).", NULL          \
    }

#define RUNNER_ROWS_PLACE                                                                    \
    {"repo", 0, "OWNER/NAME",                                                                \
     "The repository that has the runner. Without it: $GITHUB_REPOSITORY.", NULL},           \
        {"org", 0, "ORG", "Instead: the organisation that has it.", NULL},                   \
    {                                                                                        \
        "token-file", 0, "FILE",                                                             \
            "Read GitHub's token from here instead of $GITHUB_TOKEN. It must be allowed to " \
            "administer runners, which a job's own token never is.",                         \
            NULL                                                                             \
    }

struct runner_options {
    struct label_rules rules; /* without `added` */
    struct strv added;        /* the caller's to free */
    struct runner_place place;
    const char *token_file;
};

/* Takes the option where it is one of the rows above: 1; 0: not ours; negative: an error. */
int runner_options_take(const struct opt_row *row, const char *value,
                        struct runner_options *options, struct err *err);
/* Settles the place, and opens the API for it. */
int runner_options_open(struct runner_options *options, const char *version,
                        void (*note)(void *arg, const char *text), struct github **ret,
                        struct err *err);

#endif
