/* SPDX-License-Identifier: MIT */
#include "run/plan.h"

#include "base/text.h"
#include "image/layout.h"
#include "run/plan_parts.h"
#include "source/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 100000

/* ---- jobs -------------------------------------------------------------------------------- */

static void keep_image(struct plan *plan, struct image *image)
{
    plan->images = xrealloc(plan->images, plan->image_count + 1, sizeof(struct image *));
    plan->images[plan->image_count++] = image;
}

static bool shares_board(const struct job *job, const struct choice *choice)
{
    for (size_t i = 0; i < job->board_count; i++)
        for (size_t c = 0; c < choice->count; c++)
            if (job->boards[i] == choice->boards[c])
                return true;
    return false;
}

/* Results are told apart by test and board, so on boards of its own a test may have the name of
 * another. */
static bool name_taken(const struct plan *plan, const char *name, const struct choice *choice)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!strcmp(plan->jobs[i].name, name) && shares_board(&plan->jobs[i], choice))
            return true;
    return false;
}

/* What a test is called in one of its rounds. Caller frees. */
static char *round_name(const char *name, uint64_t round, uint64_t repeat)
{
    return repeat > 1 ? xasprintf("%s #%" PRIu64, name, round) : xstrdup(name);
}

char *plan_unique_name(const struct plan *plan, const char *base, uint64_t repeat,
                       const struct choice *choice)
{
    char *name = xstrdup(base);

    for (size_t n = 2;; n++) {
        cleanup_free char *first = round_name(name, 1, repeat);
        if (!name_taken(plan, first, choice))
            return name;
        free(name);
        name = xasprintf("%s (%zu)", base, n);
    }
}

struct job *plan_add_job(struct plan *plan, char *name, struct image *image,
                         const struct board_conf *const *boards, size_t count)
{
    struct job *job;

    plan->jobs = xrealloc(plan->jobs, plan->count + 1, sizeof *plan->jobs);
    job = &plan->jobs[plan->count++];
    *job = (struct job){.name = name,
                        .image = image,
                        .boards = xcalloc(count, sizeof(void *)),
                        .board_count = count,
                        .timeouts = {-1, -1, -1, -1, -1},
                        .estimate_us = -1};
    memcpy(job->boards, boards, count * sizeof(void *));
    return job;
}

static void add_expect(struct expect *into, uint64_t tests, const struct strv *require)
{
    if (tests)
        into->tests = tests;
    for (size_t i = 0; i < require->count; i++)
        strv_add(&into->require, require->items[i]);
}

static void add_write(struct job *job, const struct strv *names)
{
    for (size_t i = 0; i < names->count; i++)
        strv_add(&job->write, names->items[i]);
}

void plan_apply_options(struct job *job, const struct plan_options *options)
{
    job->timeouts = timeouts_merge(job->timeouts, options->timeouts);
    job->parse = parse_merge(job->parse, options->parse);
    add_expect(&job->expect, options->expect.tests, &options->expect.require);
    add_write(job, &options->write);
    if (options->retries >= 0)
        job->retries = (unsigned)options->retries;
    if (options->flaky >= 0)
        job->flaky_fails = options->flaky == FLAKY_FAIL;
}

/* What the console must say is the image's to tell. */
static int find_build_id(struct job *job, struct err *err)
{
    struct identity_options *identity = &job->parse.identity;

    job_find_build_id(identity, job->image->build_id);
    if (!identity->required || !str_eq(identity->build_id, "auto"))
        return 0;
    return err_set(err, ERR_USAGE,
                   "%s: has no build-id that could be required: link with -Wl,--build-id and name "
                   "the ELF file, or say which with --build-id HEX",
                   job->image->name);
}

int plan_add_jobs(struct plan *plan, const struct plan_order *order, const char *base,
                  struct image *image, struct err *err)
{
    const struct choice *choice = order->choice;
    const struct test_conf *test = order->test;
    cleanup_free char *name = plan_unique_name(plan, base, order->repeat, choice);
    size_t jobs = order->every ? choice->count : 1;

    if (order->repeat > JOBS_MAX / jobs || plan->count > JOBS_MAX - order->repeat * jobs)
        return err_set(err, ERR_USAGE, "these are more than %d tests in one run: repeat them less",
                       JOBS_MAX);
    for (uint64_t round = 1; round <= order->repeat; round++) {
        for (size_t i = 0; i < jobs; i++) {
            struct job *job = plan_add_job(plan, round_name(name, round, order->repeat), image,
                                           choice->boards + i, order->every ? 1 : choice->count);
            if (test) {
                job->timeouts = test->timeouts;
                job->parse.format = test->format;
                job->parse.identity = (struct identity_options){.build_id = test->build_id,
                                                                .ask_nonce = test->nonce,
                                                                .required = test->require_build_id};
                add_expect(&job->expect, test->expect_tests, &test->require);
                add_write(job, &test->write);
                job->retries = (unsigned)test->retries;
                job->flaky_fails = test->flaky == FLAKY_FAIL;
            }
            plan_apply_options(job, order->options);
            if (find_build_id(job, err) < 0)
                return -(int)err->code;
        }
    }
    return 0;
}

/* ---- from images ------------------------------------------------------------------------- */

/* "fw/selftest.elf" is the test "selftest". */
static char *test_name(const char *base)
{
    const char *dot = strrchr(base, '.');
    cleanup_free char *raw =
        dot && dot > base ? xstrndup(base, (size_t)(dot - base)) : xstrdup(base);

    return text_clean_dup(raw, 200, TEXT_ONE_LINE);
}

/* Takes over the files. */
static int take_images(struct plan *plan, struct source_files *files,
                       const struct image_options *options, const struct ctx *ctx,
                       struct strv *ret_names, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < files->count; i++) {
        const struct source_file *file = &files->items[i];
        struct image *image = NULL;
        rc = image_load(file->name, file->bytes, file->size, options, &image, err);
        if (rc < 0)
            break;
        keep_image(plan, image);
        strv_add_owned(ret_names, test_name(file->base));
        rc = layout_resolve(image, ctx, err);
    }
    source_files_done(files);
    return rc;
}

int plan_load_images(struct plan *plan, const char *spec, const struct image_options *options,
                     const struct ctx *ctx, struct strv *ret_names, struct err *err)
{
    struct source_files files = {0};
    int rc = source_load(spec, ctx, &files, err);

    if (rc == 0)
        rc = take_images(plan, &files, options, ctx, ret_names, err);
    return err_named(rc, err);
}

static int download_images(struct plan *plan, const struct plan_options *options,
                           const struct ctx *ctx, struct strv *ret_names, struct err *err)
{
    struct source_files files;
    int rc = download_load(options->download, ctx, &files, err);

    return rc == 0 ? take_images(plan, &files, &options->image, ctx, ret_names, err) : rc;
}

int plan_add_images(struct plan *plan, const struct plan_options *options, const char *const *specs,
                    size_t count, const struct ctx *ctx, struct err *err)
{
    __attribute__((cleanup(choice_done))) struct choice choice = {0};
    struct plan_order order = {options, NULL, &choice, options->all, options->repeat};
    int rc = options->selectors.count
                 ? choice_select(options->lab, &options->selectors, &choice, err)
                 : choice_default(options->lab, options->all, &choice, err);

    if (rc == 0 && options->reads)
        rc = choice_reading(&choice, err);
    for (size_t s = 0; rc == 0 && s < count + !!options->download; s++) {
        cleanup_strv struct strv names = {0};
        size_t first = plan->image_count;
        rc = s < count ? plan_load_images(plan, specs[s], &options->image, ctx, &names, err)
                       : download_images(plan, options, ctx, &names, err);
        for (size_t i = 0; rc == 0 && i < names.count; i++)
            rc = plan_add_jobs(plan, &order, names.items[i], plan->images[first + i], err);
    }
    return rc;
}

/* ---- from hil.yaml ----------------------------------------------------------------------- */

size_t plan_boards(const struct plan *plan, const struct lab *lab, const struct board_conf ***ret)
{
    size_t count = 0;

    *ret = xcalloc(lab->count, sizeof(void *));
    for (size_t b = 0; b < lab->count; b++) {
        bool used = false;
        for (size_t j = 0; j < plan->count && !used; j++)
            for (size_t i = 0; i < plan->jobs[j].board_count && !used; i++)
                used = plan->jobs[j].boards[i] == &lab->boards[b];
        if (used)
            (*ret)[count++] = &lab->boards[b];
    }
    return count;
}

void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        job_done(&plan->jobs[i]);
    for (size_t i = 0; i < plan->image_count; i++)
        image_free(plan->images[i]);
    free(plan->jobs);
    free(plan->images);
    *plan = (struct plan){0};
}
