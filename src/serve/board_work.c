/* SPDX-License-Identifier: MIT */
#include "serve/board_work_parts.h"

#include "base/str.h"
#include "notify/notifier.h"
#include "store/prune.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MAX_MS INT64_C(3600000)

void board_work_say(struct board_attempt *work, const char *text)
{
    snprintf(work->report->text, sizeof work->report->text, "%s", text);
}

/* ---- the attempt ----------------------------------------------------------------------------- */

static int begin(struct board_attempt *work, struct err *err)
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
static void tell(struct notifier *notifier, const struct board_attempt *work, const char *was_aside,
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
static void tell_of_end(const struct board_attempt *work, const char *was_aside,
                        bool was_quarantined)
{
    struct err err = {0};
    struct notifier *notifier = notifier_open(work->of->lab, work->of->state_dir, &err);

    tell(notifier, work, was_aside, was_quarantined);
    notifier_close(notifier);
}

/* ---- the attempt's end ----------------------------------------------------------------------- */

/* A cancel says nothing of the image, and neither does somebody who was quicker at the board; what
 * the board holds after a cancel nobody knows. */
static int end(struct board_attempt *work, int rc, struct err *err)
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
static bool has_it(const struct board_attempt *work)
{
    return !work->of->golden && *work->known.image && !work->known.overwritten &&
           str_eq(work->known.image_sha256, work->sha256);
}

static int attempt(struct board_attempt *work, struct err *err)
{
    FILE *nowhere = fopen("/dev/null", "we");
    int rc = nowhere ? begin(work, err) : err_set(err, ERR_LIMIT, "no more descriptors can be had");

    if (rc < 0) {
        if (nowhere)
            fclose(nowhere);
        return rc;
    }
    store_rest(work->store);
    if (has_it(work)) {
        work->attempt.verdict = VERDICT_PASS;
        board_work_say(work, "it had the same firmware already");
    } else if (work->of->conf->test && !work->of->golden) {
        rc = board_work_test(work, nowhere, err);
    } else {
        rc = board_work_flash(work, nowhere, err);
    }
    fclose(nowhere);
    return end(work, rc, err);
}

/* A file that is none is the image's fault, and counts as a try of it. */
static int refuse(struct board_attempt *work, const struct err *why, struct err *err)
{
    int rc = begin(work, err);

    if (rc < 0)
        return rc;
    *err = *why;
    return end(work, -(int)why->code, err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* Of this host or, where its server can be asked, of that. */
static int open_board(struct board_attempt *work, struct servers *servers, struct err *err)
{
    const struct board_work *of = work->of;
    cleanup_strv struct strv selectors = {0};
    const struct servers_wanted wanted = {.lab_option = of->lab_path, .selectors = &selectors};
    const struct lab *lab = NULL;
    const struct board_conf *board;
    int rc;

    strv_add(&selectors, of->board->name);
    rc = servers_inventory(&wanted, &work->ctx, &work->inventory, servers, err);
    if (rc == 0)
        lab = work->inventory.lab;
    if (!lab)
        return rc;
    board = lab_board(lab, of->board->name);
    if (!board) {
        err_set(err, ERR_CONFIG, "%s: the board is not in it any more", lab->file);
        servers_blame(servers, err);
        return -(int)err->code;
    }
    work->opened = work->inventory.boards[board - lab->boards];
    return 0;
}

static int open_all(struct board_attempt *work, struct err *err)
{
    const struct board_work *of = work->of;
    struct servers servers = {0};
    int rc = open_board(work, &servers, err);

    servers_forget(&servers);
    if (rc == 0)
        rc = store_open(&of->lab->store, of->state_dir, true, &work->store, err);
    if (rc == 0)
        rc = store_watched(work->store, of->lab_name, of->board->name, ctx_unix_us() - WATCH_DAY_US,
                           &work->known, err);
    return rc;
}

/* With another image the board has another chance. */
static int come_back(struct board_attempt *work, struct err *err)
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
static void keep_place(struct board_attempt *work)
{
    if (!work->place)
        return;
    work->seat = place_number(work->place);
    work->holder.seat = work->seat;
    place_hand_over(work->place);
    work->place = NULL;
}

static int take_steps(struct board_attempt *work, struct err *err)
{
    int rc = open_all(work, err);

    store_rest(work->store); /* a turn may be hours away */
    if (rc == 0)
        rc = board_work_turn(work, err);
    if (rc == 0 && !worker_begin(work->report))
        rc = err_set(err, ERR_CANCELLED, "cancelled");
    if (rc == 0)
        keep_place(work);
    if (rc < 0) {
        work->report->skipped = true;
        return rc;
    }
    rc = board_work_find_file(work, err);
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
    struct board_attempt work = {.of = board_work, .report = ret};
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
        board_work_say(&work, err.message);
    place_leave(work.place);
    free(work.seat);
    free(work.spec);
    store_watched_done(&work.known);
    store_close(work.store);
    inventory_close(&work.inventory);
}

int board_work_lost(const struct board_work *of, const char *reason, struct err *err)
{
    struct board_attempt work = {.of = of};
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
