/* SPDX-License-Identifier: MIT */
#include "serve/board_work.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/text.h"
#include "board/inventory.h"
#include "notify/notifier.h"
#include "run/flashing.h"
#include "run/session.h"
#include "serve/match.h"
#include "store/place.h"
#include "store/prune.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS 250        /* between two looks at who has the board */
#define LEASE_MIN_MS 10000 /* for whoever was quicker than we were */
#define RETRY_MAX_MS INT64_C(3600000)
#define OUT_OF_HOURS "its hours are over"

struct work {
    const struct board_work *of;
    struct worker_report *report;
    struct ctx ctx;
    struct inventory inventory;
    struct board *opened;
    struct store *store;
    struct store_watched known;
    struct store_attempt attempt;
    int64_t id;           /* of the attempt */
    struct place *place;  /* in the queue of a board that hosts share; NULL: none */
    struct holder holder; /* of->holder's, with `seat`, the number of that place */
    char *seat;
    char *spec; /* the firmware: a file, or a member of it */
    char sha256[SHA256_HEX_SIZE];
};

static void say(struct work *work, const char *text)
{
    snprintf(work->report->text, sizeof work->report->text, "%s", text);
}

/* ---- whose turn it is ------------------------------------------------------------------------ */

/* NULL: the board is free and nobody on this host waits for it. Caller frees. */
static char *who_is_first(const struct work *work)
{
    struct holder holder = {0};
    bool held = false;
    size_t waiting = 0;
    char *who = NULL;

    if (lease_peek(work->inventory.runtime_dir, work->of->lab_name, work->of->board->name, &held,
                   &holder, &waiting, NULL) == 0 &&
        (held || waiting)) {
        cleanup_free char *name = held ? holder_describe(&holder) : xstrdup("others who wait");
        who = xasprintf("held by %s", name);
    }
    holder_done(&holder);
    return who;
}

/* Of a board that hosts share the database knows, too; who is first there stays it. */
static int look_who(struct work *work, const struct ctx *ctx, char **ret, struct err *err)
{
    int rc = 0;

    if (!work->place && work->of->lab->store.url)
        rc = place_take(work->of->lab, work->inventory.runtime_dir, work->of->board->name,
                        &work->of->holder, &work->place, err);
    *ret = NULL;
    if (rc == 0 && work->place)
        rc = place_look(work->place, LOOK_MS, ctx, ret, err);
    if (rc == 0 && !*ret)
        *ret = who_is_first(work);
    return rc;
}

static bool hours_are_over(const struct work *work)
{
    return !window_open(&work->of->conf->window, window_minute(ctx_unix_us() / 1000000));
}

/* Not in the queue of this host's locks: that would let us before whoever comes next. */
static int wait_turn(struct work *work, struct err *err)
{
    const struct board_work *of = work->of;
    struct ctx wait = of->wait_ms >= 0 ? ctx_narrow(&work->ctx, of->wait_ms) : work->ctx;
    cleanup_free char *last = NULL;
    char *who = NULL;
    int rc = 0;

    while (rc == 0 && (rc = look_who(work, &wait, &who, err)) == 0 && who) {
        if (!last && of->note)
            of->note(of->arg, of->board->name, who);
        free(last);
        last = who;
        rc = ctx_sleep(&wait, work->place ? 0 : LOOK_MS, err);
        if (rc == 0 && hours_are_over(work))
            rc = err_set(err, ERR_BUSY, OUT_OF_HOURS);
    }
    if (rc == -ERR_CANCELLED)
        return err_set(err, ERR_CANCELLED, "cancelled");
    return rc == -ERR_TIMEOUT ? err_set(err, ERR_BUSY, "%s", last ? last : "held by others") : rc;
}

/* ---- which file it is ------------------------------------------------------------------------ */

static int take_file(struct work *work, const char *spec, unsigned *found, struct err *err)
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

/* With {label}, the one of its patterns that an archive has. */
static int find_file(struct work *work, struct err *err)
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

/* ---- onto the board -------------------------------------------------------------------------- */

static int64_t lease_ms(const struct work *work)
{
    return work->of->wait_ms < 0              ? INT64_C(86400000)
           : work->of->wait_ms > LEASE_MIN_MS ? work->of->wait_ms
                                              : LEASE_MIN_MS;
}

static struct image_options image_options(const struct work *work)
{
    return (struct image_options){.has_at = work->of->conf->has_at, .at = work->of->conf->at};
}

static int flash(struct work *work, FILE *nowhere, struct err *err)
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
        say(work, result->outcome == FLASH_UNCHANGED ? "it had it already" : "flashed");
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
static int judge_test(struct work *work, enum verdict verdict, const char *out_dir, struct err *err)
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
        say(work, "flashed and tested");
    work->attempt.verdict = verdict;
    store_job_done(&job);
    return rc;
}

static int test(struct work *work, FILE *nowhere, struct err *err)
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

/* ---- the attempt ----------------------------------------------------------------------------- */

static int begin(struct work *work, struct err *err)
{
    const struct board_work *of = work->of;

    work->attempt = (struct store_attempt){.lab = of->lab_name,
                                           .board = of->board->name,
                                           .tool = board_drivers(work->opened).flash,
                                           .probe = board_conf_probe(of->board),
                                           .image = of->image,
                                           .image_sha256 = work->sha256,
                                           .tag = of->tag,
                                           .asset = of->asset,
                                           .golden = of->golden,
                                           .started_us = ctx_unix_us(),
                                           .verdict = VERDICT_INFRA};
    return store_attempt_begin(work->store, &work->attempt, &work->id, err);
}

/* ---- who is told ----------------------------------------------------------------------------- */

/* What became of a try, and of the board, where that is new. */
static void tell(struct notifier *notifier, const struct work *work, const char *was_aside,
                 bool was_quarantined)
{
    const struct store_attempt *attempt = &work->attempt;
    const struct store_watched *known = &work->known;
    const char *board = work->of->board->name, *tag = work->of->tag ? work->of->tag : "an image";
    bool gave_up = *known->aside && !str_eq(known->aside, was_aside);

    if (attempt->verdict == VERDICT_PASS && attempt->wrote)
        notifier_board(notifier, NOTICE_WATCH, board, "has %s (%s)",
                       attempt->golden ? "the golden image" : tag,
                       attempt->asset ? attempt->asset : "");
    if (gave_up)
        notifier_board(notifier, NOTICE_WATCH, board, "%s is not tried again: %s",
                       attempt->golden ? "the newest image" : tag, known->aside);
    else if (attempt->verdict != VERDICT_PASS)
        notifier_board(notifier, NOTICE_WATCH, board, "%s failed %u of %d times: %s", tag,
                       known->failures, WATCH_TRIES, attempt->reason ? attempt->reason : "");
    if (*known->quarantine && !was_quarantined)
        notifier_board(notifier, NOTICE_QUARANTINE, board, "goes into quarantine: %s",
                       known->quarantine);
    if (gave_up)
        store_event(work->store, "watch", work->of->lab_name, board, known->aside, ctx_unix_us(),
                    NULL);
}

/* The store knows it by now; that news cannot be told is no reason to do anything again. */
static void tell_of_end(const struct work *work, const char *was_aside, bool was_quarantined)
{
    struct err err = {0};
    struct notifier *notifier = notifier_open(work->of->lab, work->of->state_dir, &err);

    tell(notifier, work, was_aside, was_quarantined);
    notifier_close(notifier);
}

/* ---- the attempt's end ----------------------------------------------------------------------- */

/* A cancel says nothing of the image, and neither does somebody who was quicker at the board; what
 * the board holds after a cancel nobody knows. */
static int end(struct work *work, int rc, struct err *err)
{
    struct store_attempt *attempt = &work->attempt;
    struct watch_rules rules = watch_conf_rules(work->of->conf);
    unsigned failures = str_eq(work->known.failed, attempt->image) ? work->known.failures + 1 : 1;
    int64_t pause_us = 1000 * schedule_backoff(work->of->retry_first_ms, RETRY_MAX_MS, failures,
                                               schedule_random());
    cleanup_free char *was_aside = xstrdup(work->known.aside);
    bool was_quarantined = *work->known.quarantine, says_something;
    struct err store_err = {0};

    attempt->took_us = ctx_unix_us() - attempt->started_us;
    attempt->reason = rc < 0 ? err->message : NULL;
    attempt->exit_code = rc == 0 ? 0 : rc == -ERR_CANCELLED ? 130 : err_exit_code(ERR_TOOL);
    if (rc < 0 && attempt->verdict == VERDICT_PASS)
        attempt->verdict = VERDICT_INFRA;
    says_something = rc != -ERR_CANCELLED && rc != -ERR_BUSY;
    if (says_something)
        watch_note(&work->known, attempt, &rules, ctx_unix_us() + pause_us);
    else if (attempt->wrote)
        store_watched_set(&work->known.image, "");
    if (store_attempt_end(work->store, work->id, attempt, &work->known, &store_err) == 0) {
        if (says_something)
            tell_of_end(work, was_aside, was_quarantined);
        store_prune(work->store, work->of->lab_name, &work->of->lab->store, ctx_unix_us(), false,
                    NULL, NULL);
        return rc;
    }
    *err = store_err;
    return -(int)store_err.code;
}

/* The same firmware under another name, as of a build that was repeated, needs no flash. */
static bool has_it(const struct work *work)
{
    return !work->of->golden && *work->known.image && !work->known.overwritten &&
           str_eq(work->known.image_sha256, work->sha256);
}

static int attempt(struct work *work, struct err *err)
{
    FILE *nowhere = fopen("/dev/null", "we");
    int rc = nowhere ? begin(work, err) : err_set(err, ERR_LIMIT, "no more descriptors can be had");

    if (rc < 0) {
        if (nowhere)
            fclose(nowhere);
        return rc;
    }
    if (has_it(work)) {
        work->attempt.verdict = VERDICT_PASS;
        say(work, "it had the same firmware already");
    } else if (work->of->conf->test && !work->of->golden) {
        rc = test(work, nowhere, err);
    } else {
        rc = flash(work, nowhere, err);
    }
    fclose(nowhere);
    return end(work, rc, err);
}

/* A file that is none is the image's fault, and counts as a try of it. */
static int refuse(struct work *work, const struct err *why, struct err *err)
{
    int rc = begin(work, err);

    if (rc < 0)
        return rc;
    *err = *why;
    return end(work, -(int)why->code, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int open_all(struct work *work, struct err *err)
{
    const struct board_work *of = work->of;
    const struct board_conf *board;
    int rc = inventory_open(of->lab_path, &work->inventory, err);

    if (rc < 0)
        return rc;
    board = lab_board(work->inventory.lab, of->board->name);
    if (!board)
        return err_set(err, ERR_CONFIG, "%s: the board is not in it any more",
                       work->inventory.lab->file);
    work->opened = work->inventory.boards[board - work->inventory.lab->boards];
    rc = store_open(&of->lab->store, of->state_dir, true, &work->store, err);
    if (rc == 0)
        rc = store_watched(work->store, of->lab_name, board->name, ctx_unix_us() - WATCH_DAY_US,
                           &work->known, err);
    return rc;
}

/* With another image the board has another chance. */
static int come_back(struct work *work, struct err *err)
{
    const struct board_work *of = work->of;
    bool was = false;
    int rc;

    if (of->golden || !watch_may_release(&work->known, of->image))
        return 0;
    rc = store_release(work->store, of->lab_name, of->board->name, &was, err);
    store_watched_set(&work->known.quarantine, "");
    store_watched_set(&work->known.quarantine_for, "");
    return rc;
}

/* For the claim that is to come; no connection lives through the guardian's fork. */
static void keep_place(struct work *work)
{
    if (!work->place)
        return;
    work->seat = place_number(work->place);
    work->holder.seat = work->seat;
    place_hand_over(work->place);
    work->place = NULL;
}

static int take_steps(struct work *work, struct err *err)
{
    int rc = open_all(work, err);

    if (rc == 0)
        rc = wait_turn(work, err);
    if (rc == 0 && !worker_begin(work->report))
        rc = err_set(err, ERR_CANCELLED, "cancelled");
    if (rc == 0)
        keep_place(work);
    if (rc < 0) {
        work->report->skipped = true;
        return rc;
    }
    rc = find_file(work, err);
    if (rc < 0 && rc != -ERR_CANCELLED) {
        struct err why = *err;
        return refuse(work, &why, err);
    }
    if (rc == 0)
        rc = come_back(work, err);
    rc = rc < 0 ? rc : attempt(work, err);
    work->report->skipped = rc == -ERR_BUSY || rc == -ERR_CANCELLED;
    return rc;
}

void board_work_run(void *board_work, struct worker_report *ret)
{
    struct work work = {.of = board_work, .report = ret};
    struct err err = {0};
    int rc;

    work.ctx = ctx_root(work.of->cancel_fd, NULL);
    work.holder = work.of->holder;
    rc = take_steps(&work, &err);
    ret->code = rc < 0 ? (int)err.code : ERR_NONE;
    ret->verdict = work.attempt.verdict;
    if (rc == 0)
        ret->verdict = VERDICT_PASS;
    else if (ret->verdict == VERDICT_PASS)
        ret->verdict = VERDICT_INFRA;
    ret->wrote = work.attempt.wrote;
    ret->took_us = work.attempt.took_us;
    if (rc < 0)
        say(&work, err.message);
    place_leave(work.place);
    free(work.seat);
    free(work.spec);
    store_watched_done(&work.known);
    store_close(work.store);
    inventory_close(&work.inventory);
}

int board_work_lost(const struct board_work *of, const char *reason, struct err *err)
{
    struct work work = {.of = of};
    struct err why = {.code = ERR_TOOL};
    int rc = store_open(&of->lab->store, of->state_dir, true, &work.store, err);

    if (rc == 0)
        rc = store_watched(work.store, of->lab_name, of->board->name, ctx_unix_us() - WATCH_DAY_US,
                           &work.known, err);
    if (rc == 0) {
        snprintf(why.message, sizeof why.message, "%s", reason);
        work.id = store_attempt_open(work.store, of->lab_name, of->board->name);
        work.attempt = (struct store_attempt){.lab = of->lab_name,
                                              .board = of->board->name,
                                              .image = of->image,
                                              .golden = of->golden,
                                              .started_us = ctx_unix_us(),
                                              .verdict = VERDICT_INFRA,
                                              .wrote = work.id != 0};
        rc = end(&work, -ERR_TOOL, &why);
        rc = rc == -ERR_TOOL ? 0 : rc;
    }
    store_watched_done(&work.known);
    store_close(work.store);
    return rc;
}
