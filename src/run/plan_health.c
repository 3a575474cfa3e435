/* SPDX-License-Identifier: MIT */
/* Golden images of boards, as jobs. */
#include "run/plan_parts.h"

#include "base/fs.h"
#include "base/str.h"

#include <string.h>

/* The board's golden image, once for all boards that have the same. */
static int golden_image(struct plan *plan, const struct plan_options *options,
                        const struct board_conf *board, const struct ctx *ctx, struct image **ret,
                        struct err *err)
{
    cleanup_free char *dir = fs_dirname(options->lab->file);
    cleanup_free char *path = fs_join(dir, board->health.firmware);
    cleanup_strv struct strv names = {0};
    size_t first = plan->image_count;
    int rc;

    for (size_t i = 0; i < plan->image_count; i++) {
        *ret = plan->images[i];
        if (!strcmp((*ret)->name, path))
            return 0;
    }
    rc = plan_load_images(plan, path, &options->image, ctx, &names, err);
    if (rc == 0 && names.count != 1)
        rc = err_set(err, ERR_CONFIG, "'%s' is %zu images", path, names.count);
    if (rc < 0)
        return err_wrap(err, "%s: health of %s", options->lab->file, board->name);
    *ret = plan->images[first];
    return 0;
}

static int add_health(struct plan *plan, const struct plan_options *options,
                      const struct board_conf *board, const struct ctx *ctx, struct err *err)
{
    struct image *image = NULL;
    struct job *job;
    int rc = golden_image(plan, options, board, ctx, &image, err);

    if (rc < 0)
        return rc;
    job = plan_add_job(plan, xstrdup(PLAN_HEALTH), image, &board, 1);
    job->parse.format = board->health.format;
    job->expect.tests = board->health.tests;
    plan_apply_options(job, options);
    return 0;
}

int plan_add_health(struct plan *plan, const struct plan_options *options,
                    bool (*wanted)(void *arg, const struct board_conf *board), void *arg,
                    const struct ctx *ctx, struct err *err)
{
    __attribute__((cleanup(choice_done))) struct choice choice = {0};
    size_t without = 0;
    int rc = options->selectors.count
                 ? choice_select(options->lab, &options->selectors, &choice, err)
                 : choice_default(options->lab, true, &choice, err);

    if (rc == 0 && options->reads)
        rc = choice_reading(&choice, err);
    for (size_t i = 0; rc == 0 && i < choice.count; i++) {
        const struct board_conf *board = choice.boards[i];
        if (!board->health.firmware)
            without++;
        else if (wanted(arg, board))
            rc = add_health(plan, options, board, ctx, err);
    }
    if (rc == 0 && without == choice.count)
        rc = err_set(err, ERR_CONFIG, "%s: no golden image: give %s health: {firmware: golden.elf}",
                     options->lab->file, choice.count == 1 ? choice.boards[0]->name : "its boards");
    return rc;
}
