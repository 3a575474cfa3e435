/* SPDX-License-Identifier: MIT
 *
 * sync: keeps a runner's custom labels in line with what the lab's boards give.
 *
 *     sync_once(&request, github, ctx, &outcome, err)       sync_watch(&request, github, ctx, err)
 *     sync_outcome_done(&outcome)
 *
 * A board that dies drops its label, so that jobs wait for a good one instead of failing on a bad
 * one. Nothing is sent where all is right already. lab.yaml is read anew each time; labels that an
 * earlier version of it had go, too, for as long as one process watches. Blocks as github_api does.
 */
#ifndef HIL_RUNNER_SYNC_H
#define HIL_RUNNER_SYNC_H

#include "runner/labels.h"
#include "runner/runner_api.h"

struct sync_request {
    const char *lab; /* what --lab says; NULL: look in the usual places */
    struct label_rules rules;
    struct runner_place place;
    const char *runner;                        /* its name or number */
    bool exact;                                /* no other custom label may stay */
    bool dry_run;                              /* change nothing */
    int64_t every_ms;                          /* of sync_watch() */
    void (*note)(void *arg, const char *text); /* what changed, what is waited for */
    void *arg;
};

struct sync_outcome {
    struct runner runner; /* as it was found */
    struct strv wanted;   /* as it should be, and is now unless dry_run */
    bool changed;
    bool unsure; /* it was asked for, and no answer came */
};
void sync_outcome_done(struct sync_outcome *outcome); /* zeroed is fine */

/* The labels of now: opens the lab, looks, closes it. */
int sync_look(const struct sync_request *request, const struct ctx *ctx, struct labels *ret,
              struct err *err);
/* What would change, as "+stm32f4 -nucleo-f446re"; "" where nothing. Caller frees. */
char *sync_difference(const struct strv *before, const struct strv *after);
int sync_once(const struct sync_request *request, struct github *github, const struct ctx *ctx,
              struct sync_outcome *ret, struct err *err);
/* Does so again and again. Trouble that may pass is noted and waited out, longer each time, up to
 * WATCH_PAUSE_MAX_MS; that of the first time is an error. Ends with -ERR_CANCELLED, having noted
 * what it leaves behind. */
#define WATCH_PAUSE_MAX_MS (10 * 60 * 1000)
int sync_watch(const struct sync_request *request, struct github *github, const struct ctx *ctx,
               struct err *err);

#endif
