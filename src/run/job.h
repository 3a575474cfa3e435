/* SPDX-License-Identifier: MIT
 *
 * job: one image to be tested on one board out of those that match; what the plan hands to the
 * pool.
 */
#ifndef HIL_RUN_JOB_H
#define HIL_RUN_JOB_H

#include "base/ctx.h"
#include "conf/board.h"
#include "image/image.h"
#include "parse/parser.h"
#include "result/job.h"

struct board;

struct expect {
    uint64_t tests;      /* cases that must be seen at least; 0: one */
    struct strv require; /* glob patterns over "suite.name" or "name"; each must match a pass */
};

struct job {
    char *name;          /* of the test, unique in the run together with the board */
    struct image *image; /* borrowed; NULL: the build failed */
    char *build_log;     /* of a failed build: the verdict is fail; else NULL */
    char *barred;        /* why no board may have it, which ends it as infra; NULL: some may */
    const struct board_conf **boards; /* candidates, in the lab's order */
    size_t board_count;
    struct timeouts timeouts;   /* over the board's; -1: the board's */
    struct parse_options parse; /* strings borrowed; NULL members: the board's */
    struct expect expect;
    struct strv write;   /* names of memory that lab.yaml guards and that it may write */
    unsigned retries;    /* how often it is tried again where it does not pass */
    bool flaky_fails;    /* a pass that needed that is a fail */
    int64_t estimate_us; /* from earlier runs; -1: not known */
    /* Taken between a verified flash and the reset; NULL: nothing is. */
    int (*provision)(void *arg, struct board *board, const struct ctx *ctx, struct err *err);
    void *provision_arg;
};

void job_done(struct job *job);

/* A result that knows its job, board and image, and nothing yet of how it went. Caller frees. */
struct job_result *job_begin(const struct job *job, const struct board_conf *board);
/* What `over` says wins: its format with its patterns as a whole, its flags one by one. */
struct parse_options parse_merge(struct parse_options base, struct parse_options over);
/* "auto" becomes the image's build-id where it has a good one; so does a proof that is required
 * where none is named. Borrows. */
void job_find_build_id(struct identity_options *identity, const char *build_id);
/* The job as it runs on this board: timeouts and parse options complete. A shallow copy: not to be
 * given to job_done(). */
struct job job_on_board(const struct job *job, const struct board_conf *board);

#endif
