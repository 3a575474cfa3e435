/* SPDX-License-Identifier: MIT
 *
 * One board of those that are flashed: lease, power, flash, verify, reset, and back to how it was.
 */
#include "base/ctx.h"
#include "base/fs.h"
#include "board/recovery.h"
#include "board/turn.h"
#include "run/flashing_parts.h"
#include "run/remote_flash.h"

#include <unistd.h>

#define SWITCH_MS 30000 /* power and reset: switches answer in seconds or never */
#define CANCELLED_REST_MS 2000

static void tell_waiting(void *arg, const char *why)
{
    const struct task *task = arg;

    event_emit(task->flashing->events, (struct event){.kind = EVENT_STATE,
                                                      .board = task->result->board,
                                                      .text = "waiting",
                                                      .suite = why});
}

static int take_board(struct task *task, struct claim **ret, struct err *err)
{
    const struct flashing *flashing = task->flashing;
    const struct flashing_request *request = flashing->request;
    const struct board_conf *conf = board_conf(task->board);
    int64_t wait_ms = request->wait_ms >= 0 ? request->wait_ms : conf->timeouts.lease;
    struct ctx wait = wait_ms > 0 ? ctx_narrow(&flashing->ctx, wait_ms) : flashing->ctx;
    const struct keeper_wish wish = {.boards = &conf->name,
                                     .count = 1,
                                     .self = &request->holder,
                                     .wait = wait_ms > 0,
                                     .waiting = tell_waiting,
                                     .arg = task};
    cleanup_free char *warning = NULL;
    size_t index;
    int rc = claim_take(flashing->claims, &wish, &wait, ret, &index, &warning, err);

    if (warning)
        flashing_tell(task, EVENT_WARNING, warning);
    return rc;
}

/* Whether the image is there already, where that was asked for and can be told. */
static int compare(struct task *task, int64_t flash_ms, bool *ret_holds, struct err *err)
{
    struct ctx wait = ctx_narrow(&task->flashing->ctx, flash_ms);
    int rc;

    *ret_holds = false;
    if (!task->flashing->request->if_changed)
        return 0;
    flashing_tell(task, EVENT_STATE, "compare");
    rc = board_holds(task->board, task->job->image, &wait, ret_holds, err);
    if (rc != -ERR_CONFIG)
        return rc;
    flashing_tell(task, EVENT_NOTE, err->message);
    return 0;
}

static int flash_once(void *arg, const struct ctx *ctx, struct err *err)
{
    struct task *task = arg;
    struct timeouts timeouts = job_on_board(task->job, board_conf(task->board)).timeouts;
    struct ctx wait = ctx_narrow(ctx, timeouts.lease);
    int rc = board_flash_turn(task->board, &wait, err);

    flashing_tell(task, EVENT_STATE, "flash");
    wait = ctx_narrow(ctx, timeouts.flash);
    if (rc == 0)
        rc = board_flash(task->board, task->job->image, &wait, err);
    board_flash_turn_end(task->board);
    if (rc < 0)
        return rc;
    flashing_tell(task, EVENT_STATE, "verify");
    wait = ctx_narrow(ctx, timeouts.flash);
    return board_verify(task->board, task->job->image, &wait, err);
}

static void tell_recovery(void *arg, enum event_kind kind, const char *text)
{
    flashing_tell(arg, kind, text);
}

static int write_image(struct task *task, struct err *err)
{
    const struct recovery_flash how = {flash_once, NULL, tell_recovery, task};
    struct recovery recovery = {.count = 0};
    int rc = recovery_flash(task->board, &how, &task->flashing->ctx, &recovery, err);

    task->gave_up = recovery.gave_up;
    return rc;
}

/* A board that nothing can reset has its firmware all the same. */
static int start_firmware(struct task *task, struct err *err)
{
    struct ctx wait = ctx_narrow(&task->flashing->ctx, SWITCH_MS);
    int rc;

    if (task->flashing->request->no_reset)
        return 0;
    flashing_tell(task, EVENT_STATE, "reset");
    rc = board_reset(task->board, &wait, err);
    if (rc != -ERR_CONFIG)
        return rc;
    flashing_tell(task, EVENT_NOTE, err->message);
    return 0;
}

static int take_steps(struct task *task, struct err *err)
{
    struct timeouts timeouts = job_on_board(task->job, board_conf(task->board)).timeouts;
    struct ctx wait = ctx_narrow(&task->flashing->ctx, SWITCH_MS);
    bool holds = false;
    int rc;

    flashing_tell(task, EVENT_STATE, "power");
    rc = board_power_on(task->board, &wait, err);
    if (rc == 0)
        rc = compare(task, timeouts.flash, &holds, err);
    if (rc == 0 && !holds)
        rc = write_image(task, err);
    if (rc == 0)
        rc = start_firmware(task, err);
    if (rc == 0)
        task->result->outcome = holds ? FLASH_UNCHANGED : FLASH_DONE;
    return rc;
}

static bool was_off(struct task *task)
{
    struct ctx wait = ctx_narrow(&task->flashing->ctx, SWITCH_MS);
    bool is_on = true;

    return board_ends_with_us(task->board) ||
           (board_drivers(task->board).power &&
            board_is_on(task->board, &wait, &is_on, NULL) == 0 && !is_on);
}

static void rest(struct task *task)
{
    const struct ctx *ctx = &task->flashing->ctx;
    struct ctx wait = ctx_cleanup(ctx, ctx_cancelled(ctx) ? CANCELLED_REST_MS : SWITCH_MS);
    struct err err = {0};

    flashing_tell(task, EVENT_STATE, "rest");
    if (board_rest(task->board, &wait, &err) < 0)
        flashing_tell(task, EVENT_WARNING, err.message);
}

static void flash_board(struct task *task, struct err *err)
{
    int64_t began = ctx_now_ns();
    int rc = fs_mkdirs(task->dir, 0777, err);
    bool off;

    flashing_tell(task, EVENT_JOB_START, NULL);
    board_attach(task->board, task->dir, task->job->name, task->flashing->events);
    off = was_off(task);
    if (rc == 0)
        rc = take_steps(task, err);
    if (off)
        rest(task);
    if (rc == -ERR_CANCELLED)
        err_set(err, ERR_CANCELLED, "cancelled");
    task->result->took_us = (ctx_now_ns() - began) / 1000;
    task->ended_us = ctx_unix_us();
}

/* While the board is ours. */
static void flash_behind(struct task *task, const struct fence *fence, struct err *err)
{
    board_set_fence(task->board, fence);
    flash_board(task, err);
    board_set_fence(task->board, NULL);
}

/* On its server, which has the lease, the drivers and the recovery. */
static void flash_there(struct task *task, struct err *err)
{
    const struct flashing_request *request = task->flashing->request;
    const struct remote_flash how = {.job = task->job,
                                     .board = board_conf(task->board),
                                     .work_dir = task->dir,
                                     .holder = &request->holder,
                                     .wait_ms = request->wait_ms,
                                     .if_changed = request->if_changed,
                                     .no_reset = request->no_reset,
                                     .events = task->flashing->events};

    const struct inventory *inventory = &task->flashing->inventory;
    struct turn *turn = NULL;

    if (turn_take_server(inventory->runtime_dir, inventory->lab->name, how.board->server,
                         &task->flashing->ctx, &turn, err) < 0)
        return;
    flashing_tell(task, EVENT_JOB_START, NULL);
    remote_flash_run(&how, &task->flashing->ctx, task->result, err);
    turn_drop(turn);
    task->ended_us = ctx_unix_us();
}

void *flashing_work(void *arg)
{
    struct task *task = arg;
    struct claim *claim = NULL;
    struct err err = {0};

    if (board_conf(task->board)->server)
        flash_there(task, &err);
    else if (take_board(task, &claim, &err) == 0)
        flash_behind(task, claim_fence(claim), &err);
    claim_drop(claim);
    if (task->result->outcome == FLASH_FAILED)
        task->result->reason = xstrdup(err.code == ERR_CANCELLED ? "cancelled" : err.message);
    flashing_keep_log(task);
    flashing_say_outcome(task);
    (void)!write(task->flashing->finished_fd, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}
