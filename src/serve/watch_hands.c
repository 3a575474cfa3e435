/* SPDX-License-Identifier: MIT */
#include "base/fs.h"
#include "base/str.h"
#include "serve/board_work.h"
#include "serve/loop.h"
#include "serve/watch_state.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define STOP_MS 2700 /* of the three seconds that a stop may take */
#define PARCEL_MAX_MS INT64_C(3600000)
#define SKIPPED_MS 2000 /* after a turn that came to nothing */
#define AWAY_MS 30000   /* the same of a board whose server has to be asked */

bool watch_busy(const struct watch *watch, enum hand_kind kind, const char *name)
{
    for (size_t i = 0; i < watch->hand_count; i++)
        if (watch->hands[i].kind == kind && str_eq(watch->hands[i].name, name))
            return true;
    return false;
}

static void hand_done(struct hand *hand)
{
    free(hand->name);
    free(hand->tag);
    free(hand->asset);
    free(hand->image);
}

static int start(struct watch *watch, struct hand hand,
                 void (*work)(void *arg, struct worker_report *ret), void *arg, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN};
    int rc = worker_start(&hand.worker, work, arg, err);

    if (rc < 0) {
        hand_done(&hand);
        return rc;
    }
    event.data.fd = worker_fd(&hand.worker);
    watch->hands = xrealloc(watch->hands, watch->hand_count + 1, sizeof *watch->hands);
    watch->hands[watch->hand_count++] = hand;
    if (epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
        return err_sys(err, errno, "epoll");
    return 0;
}

/* ---- fetching -------------------------------------------------------------------------------- */

struct parcel_work {
    const struct watch *watch;
    const struct parcel *parcel;
};

static void note_download(void *arg, const char *text)
{
    const struct parcel_work *work = arg;

    watch_tell(work->watch, watch_line_of(JOURNAL_WARNING, work->parcel->follow), "%s", text);
}

static void fetch(void *arg, struct worker_report *ret)
{
    const struct parcel_work *work = arg;
    const struct watch *watch = work->watch;
    const struct parcel *parcel = work->parcel;
    struct download_request options = watch->request->download;
    struct ctx ctx = ctx_root(watch->stop_fd, NULL);
    cleanup_free char *path = NULL;
    struct err err = {0};

    options.note = note_download;
    options.arg = arg;
    ret->code = -newest_fetch(&parcel->follow->newest, parcel->file, parcel->follow->conf, &options,
                              watch->files_dir, &ctx, &path, &err);
    ret->verdict = ret->code ? VERDICT_INFRA : VERDICT_PASS;
    snprintf(ret->text, sizeof ret->text, "%s", ret->code ? err.message : path);
}

int watch_fetch(struct watch *watch, const struct parcel *parcel, struct err *err)
{
    struct parcel_work work = {watch, parcel};
    struct hand hand = {.kind = HAND_PARCEL, .name = xstrdup(parcel->place)};

    return start(watch, hand, fetch, &work, err);
}

static void take_parcel(struct watch *watch, const struct hand *hand,
                        const struct worker_report *report)
{
    for (size_t i = 0; i < watch->parcel_count; i++) {
        struct parcel *parcel = &watch->parcels[i];
        if (!str_eq(parcel->place, hand->name))
            continue;
        free(parcel->error);
        parcel->error = report->code ? xstrdup(report->text) : NULL;
        if (!report->code) {
            parcel->path = xstrdup(report->text);
            parcel->failures = 0;
            continue;
        }
        parcel->failures++;
        parcel->again_ns =
            ctx_now_ns() + 1000000 * schedule_backoff(watch->request->retry_ms, PARCEL_MAX_MS,
                                                      parcel->failures, schedule_random());
        watch_tell(watch, watch_line_of(JOURNAL_ERR, parcel->follow), "%s", report->text);
    }
}

/* ---- boards ---------------------------------------------------------------------------------- */

static void note_wait(void *arg, const char *board, const char *text)
{
    struct watch_line line = watch_line(JOURNAL_INFO, board);

    line.board = board;
    watch_tell(arg, line, "waits: %s", text);
}

int watch_flash(struct watch *watch, const struct post *post, const char *path, bool golden,
                struct err *err)
{
    const struct watch_request *request = watch->request;
    const struct follow *follow = post->follow;
    bool patient = request->wait_ms >= 0 || !request->once;
    struct board_work work = {
        .conf = follow->conf,
        .board = post->board,
        .lab = watch->lab,
        .lab_name = watch->lab->name,
        .lab_path = watch->lab_path,
        .version = request->download.version,
        .image = golden ? "golden" : post->image,
        .tag = golden ? "golden" : follow->newest.tag,
        .asset = golden ? fs_basename(path) : post->file->name,
        .path = path,
        .state_dir = watch->state_dir,
        .golden = golden,
        .wait_ms = patient ? request->wait_ms : post->board->timeouts.lease,
        .retry_first_ms = request->retry_ms,
        .holder = request->holder,
        .cancel_fd = watch->stop_fd,
        .note = note_wait,
        .arg = watch,
    };
    work.holder.rank = RANK_WATCH;
    struct hand hand = {.kind = HAND_BOARD,
                        .name = xstrdup(post->board->name),
                        .tag = xstrdup(work.tag),
                        .asset = xstrdup(work.asset),
                        .image = xstrdup(post->image),
                        .golden = golden};

    return start(watch, hand, board_work_run, &work, err);
}

static struct watch_line line_of(const struct hand *hand, enum journal_priority priority)
{
    struct watch_line line = watch_line(priority, hand->name);

    line.board = hand->name;
    line.tag = hand->tag;
    line.asset = hand->asset;
    return line;
}

void watch_supersede(struct watch *watch, const struct post *post)
{
    for (size_t i = 0; i < watch->hand_count; i++) {
        struct hand *hand = &watch->hands[i];
        if (hand->kind == HAND_BOARD && str_eq(hand->name, post->board->name) &&
            !str_eq(hand->image, post->image) && worker_withdraw(&hand->worker))
            watch_tell(watch, line_of(hand, JOURNAL_INFO), "no longer waits to get %s (%s)",
                       hand->tag, hand->asset);
    }
}

static struct post *find_post(const struct watch *watch, const char *board)
{
    for (size_t i = 0; i < watch->post_count; i++)
        if (str_eq(watch->posts[i].board->name, board))
            return &watch->posts[i];
    return NULL;
}

static void tell_outcome(struct watch *watch, const struct hand *hand, const struct post *post,
                         const struct worker_report *report)
{
    struct watch_line line = line_of(hand, report->skipped ? JOURNAL_INFO
                                           : report->code  ? JOURNAL_ERR
                                                           : JOURNAL_NOTICE);
    char took[32];

    line.conf = post ? post->follow->conf : NULL;
    if (!report->skipped) {
        line.id = report->code ? MESSAGE_ID_NOT_FLASHED : MESSAGE_ID_FLASHED;
        line.verdict = verdict_name(report->verdict);
    }
    str_from_us(report->took_us, took);
    if (report->skipped)
        watch_tell(watch, line, "skipped %s (%s): %s", hand->tag, hand->asset, report->text);
    else if (report->code)
        watch_tell(watch, line, "%s %s (%s): %s",
                   report->verdict == VERDICT_FAIL ? "FAIL" : "FAILED", hand->tag, hand->asset,
                   report->text);
    else
        watch_tell(watch, line, "ok %s (%s), %s in %s", hand->tag, hand->asset, report->text, took);
}

/* Without a note of it the board would be flashed again at once, for ever. */
static void take_loss(struct watch *watch, const struct hand *hand, const struct post *post,
                      const struct worker_report *report)
{
    struct board_work work = {.conf = post->follow->conf,
                              .board = post->board,
                              .lab = watch->lab,
                              .lab_name = watch->lab->name,
                              .tag = hand->tag,
                              .asset = hand->asset,
                              .image = hand->image,
                              .state_dir = watch->state_dir,
                              .golden = hand->golden,
                              .retry_first_ms = watch->request->retry_ms};
    struct err err = {0};

    if (board_work_lost(&work, report->text, &err) < 0)
        watch_tell(watch, line_of(hand, JOURNAL_ERR), "%s", err.message);
}

static void take_board(struct watch *watch, const struct hand *hand,
                       const struct worker_report *report)
{
    struct post *post = find_post(watch, hand->name);

    tell_outcome(watch, hand, post, report);
    if (!post) /* lab.yaml has changed */
        return;
    if (report->lost)
        take_loss(watch, hand, post, report);
    free(post->told); /* who was told of a flash need not be told what is there */
    post->told = report->code ? NULL : xasprintf("has %s (%s)", hand->tag, hand->asset);
    free(post->text);
    post->text = xstrdup(report->text);
    post->tried = watch->request->once;
    post->deferred = report->skipped;
    post->verdict = report->verdict;
    post->took_us = report->took_us;
    if (report->skipped || (report->code && !report->took_us))
        post->again_ns = loop_after_ms(post->board->server ? AWAY_MS : SKIPPED_MS);
}

/* ---- their ends ------------------------------------------------------------------------------ */

static void take_in(struct watch *watch, size_t index, const struct ctx *ctx)
{
    struct hand hand = watch->hands[index];
    struct worker_report report;

    epoll_ctl(watch->epoll_fd, EPOLL_CTL_DEL, worker_fd(&hand.worker), NULL);
    worker_end(&hand.worker, ctx, &report);
    watch->hands[index] = watch->hands[--watch->hand_count];
    if (hand.kind == HAND_BOARD)
        take_board(watch, &hand, &report);
    else
        take_parcel(watch, &hand, &report);
    hand_done(&hand);
}

void watch_reap(struct watch *watch)
{
    struct ctx ctx = ctx_cleanup(&watch->ctx, STOP_MS);

    for (size_t i = watch->hand_count; i-- > 0;) {
        struct pollfd fd = {.fd = worker_fd(&watch->hands[i].worker), .events = POLLIN};
        if (poll(&fd, 1, 0) == 1)
            take_in(watch, i, &ctx);
    }
}

void watch_dismiss(struct watch *watch)
{
    struct ctx ctx = ctx_cleanup(&watch->ctx, STOP_MS);

    for (size_t i = 0; i < watch->hand_count; i++)
        worker_cancel(&watch->hands[i].worker);
    while (watch->hand_count)
        take_in(watch, watch->hand_count - 1, &ctx);
    free(watch->hands);
    watch->hands = NULL;
}
