/* SPDX-License-Identifier: MIT
 *
 * plan: from what the user asked (images and labels, or a hil.yaml) to a list of jobs.
 *
 * Everything that can be wrong with the input is found here, before a board is touched: selectors
 * that match nothing, files that are missing or broken. A test's `build` runs here, too; one that
 * fails makes a job that is a `fail` with the build's last words.
 */
#ifndef HIL_RUN_PLAN_H
#define HIL_RUN_PLAN_H

#include "base/ctx.h"
#include "conf/lab.h"
#include "conf/testplan.h"
#include "result/event.h"
#include "run/job.h"
#include "source/download.h"

struct plan {
    struct job *jobs;
    size_t count;
    struct image **images; /* what the jobs borrow */
    size_t image_count;
};

struct plan_options { /* what the command line adds to every job */
    const struct lab *lab;
    struct strv write;     /* names of memory that lab.yaml guards and that every job may write */
    struct strv selectors; /* names, or labels parted by commas; none: the lab's only board */
    bool reads;            /* their output is read: not on boards without a console */
    bool all;              /* on every board that matches instead of on any */
    struct image_options image;
    struct parse_options parse;
    struct timeouts timeouts;
    struct expect expect;
    uint64_t repeat;                         /* at least 1 */
    int retries;                             /* -1: as the test says, or none */
    int flaky;                               /* FLAKY_; -1: as the test says, or pass */
    const struct download_request *download; /* images from afar; NULL: none */
};

/* Nothing that the command line says. */
#define PLAN_OPTIONS_DEFAULTS \
    .repeat = 1, .retries = -1, .flaky = -1, .timeouts = {-1, -1, -1, -1, -1}

/* A job for each image that the specs name, and for each that the download gives. */
int plan_add_images(struct plan *plan, const struct plan_options *options, const char *const *specs,
                    size_t count, const struct ctx *ctx, struct err *err);
/* The tests of a hil.yaml. With selectors, only on boards that match one of them, too. Builds
 * append their output to out_dir/build.log. */
int plan_add_tests(struct plan *plan, const struct plan_options *options,
                   const struct testplan *tests, const char *out_dir, struct events *events,
                   const struct ctx *ctx, struct err *err);
/* Golden images of the chosen boards (all without selectors) that are `wanted`: a job PLAN_HEALTH
 * for each. -ERR_CONFIG: none of the boards has one. */
#define PLAN_HEALTH "health"
int plan_add_health(struct plan *plan, const struct plan_options *options,
                    bool (*wanted)(void *arg, const struct board_conf *board), void *arg,
                    const struct ctx *ctx, struct err *err);
/* Every board that some job may run on, in the lab's order. Caller frees the array. */
size_t plan_boards(const struct plan *plan, const struct lab *lab, const struct board_conf ***ret);
void plan_done(struct plan *plan);

#endif
