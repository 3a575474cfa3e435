/* SPDX-License-Identifier: MIT
 *
 * labels: what this lab's boards let a runner promise.
 *
 *     labels_look(&inventory, store, &rules, now, ctx, &labels)
 *     labels_merge(&custom, &labels, false, &wanted)
 *     labels_done(&labels)
 *
 * A board gives its labels while it is there (board_present()) and well. One that somebody holds
 * counts as there: its tty comes and goes while it is flashed. It is not well once its last
 * `infra_max` runs ended as infra, one after the other; `retry_s` after the last of these it gets
 * another chance, and one more infra is then enough. Labels are compared as GitHub does, without
 * regard to case. Blocks for as long as a power driver takes to say whether it is on, where a
 * device is missing.
 */
#ifndef HIL_RUNNER_LABELS_H
#define HIL_RUNNER_LABELS_H

#include "board/inventory.h"
#include "store/store.h"

#define LABELS_GITHUB_MAX 100 /* of one runner */
#define LABELS_OWN "hil"      /* that every lab gives */

struct label_rules {
    unsigned infra_max;       /* 0: verdicts do not count */
    int64_t retry_s;          /* seconds */
    bool names;               /* a board's name is a label, too */
    const struct strv *added; /* given in any case; may be NULL */
};
#define LABEL_RULES_DEFAULT                \
    {                                      \
        .infra_max = 3, .retry_s = 30 * 60 \
    }

struct label_board {
    const char *name; /* the inventory's */
    bool present, healthy;
    char why[256]; /* not, or "" */
};

struct labels {
    struct label_board *boards; /* as many, and in the order, as the lab has */
    size_t count;
    struct strv given;   /* LABELS_OWN, the added ones, those of good boards: each once */
    struct strv managed; /* all that this lab could give: others are not ours to remove */
};
/* `store` may be NULL: no run was recorded. */
void labels_look(const struct inventory *inventory, struct store *store,
                 const struct label_rules *rules, int64_t now_unix_s, const struct ctx *ctx,
                 struct labels *ret);
void labels_done(struct labels *labels); /* zeroed is fine */

/* What a runner with the custom labels `current` should have: those that are not ours (none with
 * `exact`), then the given ones. */
void labels_merge(const struct strv *current, const struct labels *labels, bool exact,
                  struct strv *ret);
bool labels_have(const struct strv *list, const char *label);
void labels_add(struct strv *list, const char *label); /* unless it has it */
bool labels_same(const struct strv *a, const struct strv *b);
/* -ERR_LIMIT where GitHub would refuse that many. */
int labels_check(const struct strv *labels, struct err *err);
char *labels_join(const struct strv *labels, const char *between); /* caller frees */

#endif
