/* SPDX-License-Identifier: MIT
 *
 * Which file it is, and how it comes onto the board.
 */
#include "serve/board_work_parts.h"

#include "base/fs.h"
#include "base/str.h"
#include "run/flashing.h"
#include "run/session.h"
#include "serve/match.h"

#include <stdlib.h>

#define LEASE_MIN_MS 10000 /* for whoever was quicker than we were */

static int take_file(struct board_attempt *work, const char *spec, unsigned *found, struct err *err)
{
    struct source_files files = {0};
    int rc = source_load(spec, &work->ctx, &files, err);

    if (rc < 0)
        return rc;
    *found += (unsigned)files.count;
    sha256_hex(files.items[0].bytes, files.items[0].size, work->sha256);
    free(work->spec);
    work->spec = xstrdup(spec);
    source_files_done(&files);
    return 0;
}

int board_work_find_file(struct board_attempt *work, struct err *err)
{
    const struct board_work *of = work->of;
    const char *member = of->golden ? NULL : of->conf->member;
    cleanup_strv struct strv members = {0};
    struct err told = {0};
    unsigned found = 0;
    int rc;

    if (!member)
        return take_file(work, of->path, &found, err);
    match_fill(member, of->board, &members);
    for (size_t i = 0; i < members.count; i++) {
        cleanup_free char *spec = xasprintf("%s:%s", of->path, members.items[i]);
        rc = take_file(work, spec, &found, &told);
        if (rc < 0 && rc != -ERR_NOT_FOUND) {
            *err = told;
            return rc;
        }
    }
    if (!found)
        return err_set(err, ERR_NOT_FOUND, "%s",
                       *told.message ? told.message : "{label} means nothing: it has no labels");
    return found == 1 ? 0
                      : err_set(err, ERR_USAGE, "%s: %u files fit member '%s'; make it fit one",
                                fs_basename(of->path), found, member);
}

static int64_t lease_ms(const struct board_attempt *work)
{
    return work->of->wait_ms < 0              ? INT64_C(86400000)
           : work->of->wait_ms > LEASE_MIN_MS ? work->of->wait_ms
                                              : LEASE_MIN_MS;
}

static struct image_options image_options(const struct board_attempt *work)
{
    return (struct image_options){.has_at = work->of->conf->has_at, .at = work->of->conf->at};
}

int board_work_flash(struct board_attempt *work, FILE *nowhere, struct err *err)
{
    const struct board_work *of = work->of;
    struct flash_order order = {of->board->name, work->spec};
    struct flashing_request request = {.lab = of->lab_path,
                                       .no_quarantine = true,
                                       .orders = &order,
                                       .order_count = 1,
                                       .plan = {.image = image_options(work),
                                                .retries = -1,
                                                .flaky = -1,
                                                .timeouts = {-1, -1, -1, -1, -1}},
                                       .wait_ms = lease_ms(work),
                                       .if_changed = !work->known.known &&
                                                     !of->golden, /* nobody knows what it has */
                                       .verbosity = -1,
                                       .term = term_open(nowhere),
                                       .holder = work->holder,
                                       .cancel_fd = of->cancel_fd};
    struct flash_result *results = NULL;
    size_t count = 0;
    int rc = flashing_run(&request, &results, &count, err);

    if (rc < 0)
        return rc;
    const struct flash_result *result = &results[0];
    work->attempt.wrote = result->took_us && result->outcome != FLASH_UNCHANGED;
    if (result->outcome != FLASH_FAILED) {
        work->attempt.verdict = VERDICT_PASS;
        board_work_say(work, result->outcome == FLASH_UNCHANGED ? "it had it already" : "flashed");
    } else if (ctx_cancelled(&work->ctx)) {
        rc = err_set(err, ERR_CANCELLED, "cancelled");
    } else {
        rc = err_set(err, result->took_us ? ERR_TOOL : ERR_BUSY, "%s%s%s", result->reason,
                     result->log ? "; see " : "", result->log ? result->log : "");
    }
    flashing_done(results, count);
    return rc;
}

/* What the run has remembered of itself. */
static int judge_test(struct board_attempt *work, enum verdict verdict, const char *out_dir,
                      struct err *err)
{
    struct store_job job = {0};
    int rc = 0;

    if (store_last_job(work->store, work->of->lab_name, work->of->board->name,
                       work->attempt.started_us, &job)) {
        work->attempt.wrote = job.flashed;
        work->attempt.run = job.run;
    }
    if (ctx_cancelled(&work->ctx))
        rc = err_set(err, ERR_CANCELLED, "cancelled");
    else if (verdict != VERDICT_PASS)
        rc = err_set(err, job.took ? ERR_TOOL : ERR_BUSY, "%s%s%s; see %s", verdict_name(verdict),
                     job.reason ? ": " : "", job.reason ? job.reason : "", out_dir);
    else
        board_work_say(work, "flashed and tested");
    work->attempt.verdict = verdict;
    store_job_done(&job);
    return rc;
}

int board_work_test(struct board_attempt *work, FILE *nowhere, struct err *err)
{
    const struct board_work *of = work->of;
    cleanup_free char *name = xasprintf("watch/runs/%s.%s", of->lab_name, of->board->name);
    cleanup_free char *out_dir = fs_join(of->state_dir, name);
    struct session_request request = {.version = of->version,
                                      .no_quarantine = true,
                                      .lab_path = of->lab_path,
                                      .out_dir = out_dir,
                                      .wait_ms = lease_ms(work),
                                      .verbosity = -1,
                                      .plan = {PLAN_OPTIONS_DEFAULTS, .image = image_options(work)},
                                      .term = term_open(nowhere),
                                      .holder = work->holder,
                                      .cancel_fd = of->cancel_fd};
    enum verdict verdict = VERDICT_INFRA;
    int rc;

    strv_add(&request.images, work->spec);
    strv_add(&request.plan.selectors, of->board->name);
    rc = session_run(&request, &verdict, err);
    strv_done(&request.images);
    strv_done(&request.plan.selectors);
    return rc < 0 ? rc : judge_test(work, verdict, out_dir, err);
}
