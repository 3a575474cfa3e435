/* SPDX-License-Identifier: MIT */
#include "serve/rig_work.h"

#include "base/ctx.h"
#include "base/fs.h"
#include "base/guard.h"
#include "base/str.h"
#include "board/board.h"
#include "board/lease.h"
#include "board/recovery.h"
#include "run/pipeline.h"
#include "serve/rig_give.h"
#include "store/rigged.h"
#include "usb/usb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SWITCH_MS 30000
#define OFF_MS 500 /* of a power cycle */
#define GOES_MS 500
#define NAP_MS 20
#define LEASE_MS 10000 /* for a worker of ours that was killed to be gone for good */
#define BEAT_MS 4

struct work {
    const struct rig_work *of;
    struct event_sink sink; /* what the drivers tell goes on to the rig */
    struct rig_news news;   /* what it was told last */
    struct ctx ctx;
    struct guard *guard;
    struct events *events;
    struct lab *lab;
    struct board *board;
    struct lease *lease;
    struct store *store;
    struct rig_give give;
    struct image *patched; /* NULL: the image as it is */
    struct store_rigged record;
    int64_t id; /* of the record; 0: there is none yet */
    char *dir, *runtime_dir, *identity;
    enum verdict verdict;
    bool
        left; /* it was off the bus, as one that has left its bootloader, before it was provisioned */
};

char *rig_work_dir(const char *state_dir, const char *lab, const struct rig_device *device)
{
    cleanup_free char *name = fs_safe_name(*device->serial ? device->serial : device->path);

    return xasprintf("%s/rig/%s/%s", state_dir, lab, name);
}

/* ---- what the rig is told -------------------------------------------------------------------- */

static void send_news(struct work *work)
{
    (void)!write(work->of->news_fd, &work->news, sizeof work->news);
}

static void tell_step(struct work *work, enum rig_state state, int percent)
{
    if (state == work->news.state && percent == work->news.percent)
        return;
    work->news.state = state;
    work->news.percent = percent;
    send_news(work);
}

static void take_state(struct work *work, const char *text)
{
    static const struct {
        const char *text;
        enum rig_state state;
    } rows[] = {{"flash", RIG_FLASHING},
                {"verify", RIG_VERIFYING},
                {"provision", RIG_PROVISIONING},
                {"test", RIG_TESTING}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (str_eq(text, rows[i].text))
            tell_step(work, rows[i].state, -1);
}

/* Erasing has a length that nobody knows; "n %" is of what is written. */
static void take_progress(struct work *work, const struct event *event)
{
    bool verify = str_eq(event->text, "verify"), flash = str_eq(event->text, "flash");
    int percent = event->total ? (int)(event->number * 100 / event->total) : -1;

    if (work->news.state == RIG_TESTING || work->news.state == RIG_PROVISIONING)
        return;
    tell_step(work, verify ? RIG_VERIFYING : RIG_FLASHING, verify || flash ? percent : -1);
}

static void take_event(struct event_sink *sink, const struct event *event)
{
    struct work *work = (struct work *)((char *)sink - offsetof(struct work, sink));

    if (event->kind == EVENT_STATE)
        take_state(work, event->text);
    else if (event->kind == EVENT_PROGRESS)
        take_progress(work, event);
}

static void tell_identity(struct work *work)
{
    work->identity = rig_give_text(&work->give);
    work->news.got = true;
    snprintf(work->news.text, sizeof work->news.text, "%s", work->identity);
    send_news(work);
    work->news.got = false;
}

/* ---- is it still there? ---------------------------------------------------------------------- */

/* True where nothing is at its port, or the same kind of thing with another serial number. */
static bool is_gone(const struct work *work)
{
    const struct rig_device *was = &work->of->device;
    const struct usb_device *is;
    struct usb_tree tree;
    bool gone;

    if (usb_scan(&tree, NULL) < 0)
        return false;
    is = usb_at(&tree, was->path);
    gone = !is || (is->vendor == was->vendor && is->product == was->product &&
                   !str_eq(is->serial ? is->serial : "", was->serial));
    usb_tree_done(&tree);
    return gone;
}

/* Before what cannot be undone: a board that somebody has swapped meanwhile is not touched. */
static int check_it_is_there(const struct work *work, struct err *err)
{
    return is_gone(work) ? err_set(err, ERR_GONE, "it is not plugged in any more") : 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_board(struct work *work, struct err *err)
{
    const struct rig_work *of = work->of;
    struct diags diags = {0};
    int rc = rig_conf_board(of->conf, of->slot, &of->device, &work->lab, &diags, err);

    if (rc == 0) {
        work->board = board_open(work->lab, &work->lab->boards[0], work->runtime_dir, &diags);
        rc = diags_check(&diags, err);
    }
    diags_done(&diags);
    return rc;
}

static int take_lease(struct work *work, struct err *err)
{
    struct ctx wait = ctx_narrow(&work->ctx, LEASE_MS);
    const char *name = work->lab->boards[0].name;
    size_t index;

    /* by port, in whatever lab: two rigs on one port would ruin each other's boards */
    return lease_take(work->runtime_dir, "usb", &name, 1, work->of->holder, true, &wait, NULL, NULL,
                      &work->lease, &index, err);
}

static int open_all(struct work *work, struct err *err)
{
    const struct rig_work *of = work->of;
    int rc = guard_start(&work->guard, err);

    work->ctx = ctx_root(of->cancel_fd, work->guard);
    work->events = events_new();
    work->sink.take = take_event;
    events_add(work->events, &work->sink);
    work->dir = rig_work_dir(of->state_dir, of->conf->lab->name, &of->device);
    if (rc == 0)
        rc = fs_runtime_dir(&work->runtime_dir, err);
    if (rc == 0)
        rc = open_board(work, err);
    if (rc == 0)
        rc = store_open(&of->conf->lab->store, of->state_dir, true, &work->store, err);
    if (rc == 0)
        rc = take_lease(work, err);
    if (rc == 0) {
        fs_remove_tree(work->dir); /* of its last try */
        rc = fs_mkdirs(work->dir, 0755, err);
    }
    return rc;
}

/* ---- identities ------------------------------------------------------------------------------ */

static bool provisions(const struct work *work)
{
    return work->of->conf->recipe_count && !work->of->no_provision;
}

static int draw(struct work *work, struct err *err)
{
    int rc;

    if (!provisions(work))
        return 0;
    work->give = (struct rig_give){.conf = work->of->conf,
                                   .store = work->store,
                                   .device = &work->of->device,
                                   .slot = work->of->slot};
    rc = rig_give_draw(&work->give, &work->ctx, err);
    if (rc < 0)
        return err_wrap(err, "provisioning");
    tell_identity(work);
    rc = rig_give_patch(&work->give, work->of->image, &work->patched, err);
    return rc < 0 ? err_wrap(err, "provisioning") : 0;
}

static int provision(void *arg, struct board *board, const struct ctx *ctx, struct err *err)
{
    struct work *work = arg;
    struct ctx wait = ctx_narrow(ctx, SWITCH_MS);
    int rc = 0;

    work->left = is_gone(work);
    if (provisions(work)) {
        rc = rig_give_write(&work->give, board, ctx, err);
        if (rc < 0)
            return err_wrap(err, "provisioning");
    }
    if (work->of->conf->power_cycle)
        rc = board_power_cycle(board, OFF_MS, &wait, err);
    return rc;
}

static struct image *image_of(const struct work *work)
{
    return work->patched ? work->patched : work->of->image;
}

/* ---- flash only ------------------------------------------------------------------------------ */

static int flash_once(void *arg, const struct ctx *ctx, struct err *err)
{
    struct work *work = arg;
    const struct timeouts *timeouts = &work->lab->boards[0].timeouts;
    struct ctx wait = ctx_narrow(ctx, timeouts->lease);
    int rc = board_flash_turn(work->board, &wait, err);

    take_state(work, "flash");
    wait = ctx_narrow(ctx, timeouts->flash);
    if (rc == 0)
        rc = board_flash(work->board, image_of(work), &wait, err);
    board_flash_turn_end(work->board);
    if (rc < 0)
        return rc;
    take_state(work, "verify");
    wait = ctx_narrow(ctx, timeouts->flash);
    return board_verify(work->board, image_of(work), &wait, err);
}

static void tell_recovery(void *arg, enum event_kind kind, const char *text)
{
    (void)arg;
    (void)kind;
    (void)text;
}

/* A board that only has a bootloader starts by leaving it. */
static int start_firmware(struct work *work, struct err *err)
{
    struct board_drivers drivers = board_drivers(work->board);
    struct ctx wait = ctx_narrow(&work->ctx, SWITCH_MS);

    if (work->of->conf->power_cycle || (!drivers.reset && !drivers.power))
        return 0;
    return board_reset(work->board, &wait, err);
}

static int flash(struct work *work, struct err *err)
{
    const struct recovery_flash how = {flash_once, NULL, tell_recovery, work};
    struct recovery recovery = {.count = 0};
    struct ctx wait = ctx_narrow(&work->ctx, SWITCH_MS);
    int rc;

    board_attach(work->board, work->dir, "rig", work->events);
    rc = board_power_on(work->board, &wait, err);
    if (rc == 0)
        rc = recovery_flash(work->board, &how, &work->ctx, &recovery, err);
    if (rc == 0) {
        if (provisions(work))
            take_state(work, "provision");
        rc = provision(work, work->board, &work->ctx, err);
    }
    if (rc == 0)
        rc = start_firmware(work, err);
    wait = ctx_cleanup(&work->ctx, ctx_cancelled(&work->ctx) ? 2000 : SWITCH_MS);
    board_rest(work->board, &wait, NULL);
    return rc;
}

/* ---- flash and test -------------------------------------------------------------------------- */

static int judge(struct work *work, const struct job_result *result, struct err *err)
{
    const char *why = result->reason && *result->reason ? result->reason : "its tests failed";

    work->verdict = result->verdict;
    if (result->verdict == VERDICT_PASS)
        return 0;
    if (ctx_cancelled(&work->ctx))
        return err_set(err, ERR_CANCELLED, "cancelled");
    return err_set(err, ERR_TOOL, "%s", why);
}

static int test(struct work *work, struct err *err)
{
    const struct rig_conf *conf = work->of->conf;
    const struct board_conf *board = &work->lab->boards[0];
    struct job job = {.name = (char *)(uintptr_t) "rig",
                      .image = image_of(work),
                      .boards = &board,
                      .board_count = 1,
                      .timeouts = {-1, -1, -1, -1, -1},
                      .expect = {.tests = conf->tests, .require = conf->require},
                      .estimate_us = -1,
                      .provision = provisions(work) || conf->power_cycle ? provision : NULL,
                      .provision_arg = work};
    struct job_result *result = job_begin(&job, board);
    struct ticker *ticker = ticker_new(BEAT_MS);
    int rc;

    pipeline_run(&job, work->board, work->dir, ticker, work->events, &work->ctx, result);
    ticker_free(ticker);
    rc = judge(work, result, err);
    job_result_free(result);
    return rc;
}

/* ---- the record ------------------------------------------------------------------------------ */

static int begin_record(struct work *work, struct err *err)
{
    const struct rig_work *of = work->of;

    work->record = (struct store_rigged){.lab = work->lab->name,
                                         .board = *of->device.serial ? of->device.serial : NULL,
                                         .path = of->device.path,
                                         .slot = of->slot,
                                         .image_sha256 = of->image->sha256,
                                         .image_file = fs_basename(of->image->name),
                                         .started_us = ctx_unix_us()};
    return store_rigged_begin(work->store, &work->record, &work->id, err);
}

/* The kernel fails what is under way with a device before it takes it out of sysfs, so one that is
 * there still may be about to go. */
static bool goes(const struct work *work)
{
    struct ctx wait = ctx_narrow(&work->ctx, GOES_MS);
    bool gone = is_gone(work);

    while (!gone && ctx_sleep(&wait, NAP_MS, NULL) == 0)
        gone = is_gone(work);
    return gone;
}

/* What failed while the board was gone is told as that, but for tests: firmware need have no
 * USB. */
static int name_pull(struct work *work, int rc, struct err *err)
{
    static const char *const words[RIG_STATES] = {[RIG_FLASHING] = "it was flashed",
                                                  [RIG_VERIFYING] = "it was verified",
                                                  [RIG_PROVISIONING] = "it was provisioned"};
    const char *what = words[work->news.state];

    if (rc == 0 || !what || work->left || !goes(work))
        return rc;
    if (work->news.percent >= 0)
        return err_set(err, ERR_GONE, "while %s, at %d %%", what, work->news.percent);
    return err_set(err, ERR_GONE, "while %s", what);
}

static int end_record(struct work *work, int rc, struct err *err)
{
    struct store_rigged *record = &work->record;
    struct err store_err = {0};

    if (!work->id)
        return rc;
    record->took_us = ctx_unix_us() - record->started_us;
    record->outcome = rc == 0                ? "done"
                      : rc == -ERR_GONE      ? rig_state_names[RIG_UNPLUGGED]
                      : rc == -ERR_CANCELLED ? "cancelled"
                                             : "failed";
    record->step = rig_state_names[work->news.state];
    record->reason = rc < 0 ? err->message : NULL;
    record->identity = work->identity;
    if (store_rigged_end(work->store, work->id, record, &store_err) == 0)
        return rc;
    *err = store_err; /* a board that nobody remembers is not done */
    return -(int)store_err.code;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int take_steps(struct work *work, struct err *err)
{
    int rc = open_all(work, err);

    if (rc == 0)
        rc = check_it_is_there(work, err);
    if (rc == 0)
        rc = begin_record(work, err);
    if (rc == 0)
        rc = draw(work, err);
    if (rc == 0)
        rc = board_accepts(work->board, image_of(work), err);
    if (rc == 0)
        rc = check_it_is_there(work, err);
    if (rc == 0)
        rc = work->of->conf->test ? test(work, err) : flash(work, err);
    return end_record(work, name_pull(work, rc, err), err);
}

static void close_all(struct work *work)
{
    board_close(work->board);
    lab_free(work->lab);
    lease_drop(work->lease);
    rig_give_done(&work->give);
    image_free(work->patched);
    store_close(work->store);
    events_free(work->events);
    free(work->dir);
    free(work->runtime_dir);
    free(work->identity);
    guard_stop(work->guard);
}

void rig_work_run(void *rig_work, struct worker_report *ret)
{
    struct work work = {
        .of = rig_work, .news = {.state = RIG_FLASHING, .percent = -1}, .verdict = VERDICT_INFRA};
    int64_t began = ctx_now_ns();
    struct err err = {0};
    int rc = take_steps(&work, &err);

    ret->code = rc < 0 ? (int)err.code : ERR_NONE;
    ret->verdict = rc == 0                        ? VERDICT_PASS
                   : work.verdict == VERDICT_FAIL ? VERDICT_FAIL
                                                  : VERDICT_INFRA;
    ret->took_us = (ctx_now_ns() - began) / 1000;
    ret->skipped = rc == -ERR_CANCELLED;
    if (rc < 0)
        snprintf(ret->text, sizeof ret->text, "%s", err.message);
    close_all(&work);
}
