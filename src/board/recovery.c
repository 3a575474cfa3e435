/* SPDX-License-Identifier: MIT */
#include "board/recovery.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define PAUSE_MS 500     /* before the same again: a probe that was busy, a supply that rises */
#define GAP_MS 1000      /* without power: capacitors and USB's own time-outs */
#define STEP_MS 30000    /* switches answer in seconds or never */
#define PRESENT_MS 10000 /* for a device to be plugged in again */
#define LOOK_MS 50

static int again(struct board *board, const struct ctx *ctx, struct err *err)
{
    (void)board;
    return ctx_sleep(ctx, PAUSE_MS, err);
}

static int usb_reset(struct board *board, const struct ctx *ctx, struct err *err)
{
    return board_usb_reset(board, ctx, err);
}

static int power_cycle(struct board *board, const struct ctx *ctx, struct err *err)
{
    return board_power_cycle(board, GAP_MS, ctx, err);
}

static int probe_cycle(struct board *board, const struct ctx *ctx, struct err *err)
{
    return board_probe_cycle(board, GAP_MS, ctx, err);
}

static int (*const steps[RECOVERY_STEPS])(struct board *board, const struct ctx *ctx,
                                          struct err *err) = {
    [RECOVER_AGAIN] = again,         [RECOVER_BOOTLOADER] = board_enter_bootloader,
    [RECOVER_USB_RESET] = usb_reset, [RECOVER_POWER] = power_cycle,
    [RECOVER_PROBE] = probe_cycle,
};

/* A device that a step has sent away comes back with a moment's delay; whether it does, the next
 * try finds out. */
static int await_present(struct board *board, const struct ctx *ctx, struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, PRESENT_MS);
    int rc = 0;

    while (rc == 0 && ctx_left_ms(&wait) > 0 && board_present(board, &wait, NULL) < 0)
        rc = ctx_sleep(&wait, LOOK_MS, err);
    return rc == -ERR_CANCELLED ? rc : 0;
}

/* -ERR_CONFIG, -ERR_NOT_FOUND: this board has no means for it. */
static int take_step(struct board *board, enum recovery_step step, const struct ctx *ctx,
                     struct err *err)
{
    struct ctx wait = ctx_narrow(ctx, STEP_MS);
    int rc = steps[step](board, &wait, err);

    return rc == 0 ? await_present(board, ctx, err) : rc;
}

static bool can_help(const struct board *board, int rc)
{
    return rc != -ERR_CANCELLED && rc != -ERR_LOST && rc != -ERR_CONFIG && rc != -ERR_USAGE &&
           rc != -ERR_DATA && rc != -ERR_LIMIT && board_programs_present(board, NULL) == 0;
}

static void name_tried(const struct recovery *recovery, struct err *err)
{
    for (size_t i = 0; i < recovery->count; i++)
        err_hint(err, "%s%s", i ? ", " : "; tried: ", recovery_step_names[recovery->tried[i].step]);
}

/* One step and the try after it. The error stays that of the first try, which says what is wrong;
 * what a later one says may be the step's doing. */
static int climb(struct board *board, enum recovery_step step, const struct recovery_flash *how,
                 const struct ctx *ctx, struct recovery *ret, const struct err *first)
{
    const char *name = recovery_step_names[step];
    const char *before = ret->count ? ret->tried[ret->count - 1].why : first->message;
    cleanup_free char *why = xasprintf("recovery: %s, because: %s", name, before);
    cleanup_free char *helped = xasprintf("recovery: flashed after %s", name);
    struct recovery_tried *tried = &ret->tried[ret->count];
    struct err err = {0};
    int rc;

    if (how->let_go)
        how->let_go(how->arg);
    rc = take_step(board, step, ctx, &err);
    if (rc == -ERR_CONFIG || rc == -ERR_NOT_FOUND)
        return -(int)first->code;
    how->tell(how->arg, EVENT_WARNING, why);
    if (rc == 0)
        rc = how->flash(how->arg, ctx, &err);
    if (rc == -ERR_CANCELLED || rc == -ERR_LOST)
        return rc;
    *tried = (struct recovery_tried){.step = step};
    snprintf(tried->why, sizeof tried->why, "%s", err.message);
    ret->count++;
    if (rc == 0)
        how->tell(how->arg, EVENT_NOTE, helped);
    return rc;
}

/* The words of the fence that ended the climb. */
static int lost_meanwhile(const struct board *board, const struct ctx *ctx, struct err *err)
{
    struct fence_pass pass;
    int rc = fence_enter(board_fence(board), ctx, &pass, err);

    rc = fence_leave(&pass, rc, err);
    return rc < 0 ? rc : err_set(err, ERR_LOST, "the board was lost while it was recovered");
}

int recovery_flash(struct board *board, const struct recovery_flash *how, const struct ctx *ctx,
                   struct recovery *ret, struct err *err)
{
    const bool *wanted = board_conf(board)->recovery.steps;
    struct err first = {0};
    int rc = how->flash(how->arg, ctx, &first);

    *ret = (struct recovery){.count = 0};
    for (int step = 0; step < RECOVERY_STEPS && rc < 0 && can_help(board, rc); step++)
        if (wanted[step])
            rc = climb(board, (enum recovery_step)step, how, ctx, ret, &first);
    if (rc == 0)
        return 0;
    if (rc == -ERR_CANCELLED)
        return err_set(err, ERR_CANCELLED, "cancelled");
    if (rc == -ERR_LOST && first.code != ERR_LOST)
        return lost_meanwhile(board, ctx, err);
    ret->gave_up = ret->count && rc != -ERR_NOT_FOUND && rc != -ERR_GONE &&
                   board_present(board, ctx, NULL) == 0;
    name_tried(ret, &first);
    if (err)
        *err = first;
    return -(int)first.code;
}
