/* SPDX-License-Identifier: MIT */
#include "store/keeper_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#define RENEWALS 4     /* in a ttl */
#define MARGIN 8       /* of it */
#define CHECK_MS 12000 /* longer than any one question takes */
#define DROP_MS 1000
#define SLICE_MS 50 /* between two looks at a cancel */
#define NS_PER_MS INT64_C(1000000)

/* ---- until when it is safe ------------------------------------------------------------------ */

/* The timer runs in the kernel, whatever becomes of this process. With the lock held, or of a hold
 * that nobody else knows yet. */
static void set_until(struct hold *hold, int64_t until_ns)
{
    const struct itimerspec at = {.it_value = {until_ns / 1000000000, until_ns % 1000000000}};

    hold->until_ns = until_ns;
    timerfd_settime(hold->fence.over_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static int64_t safe_until(const struct keeper *keeper, int64_t asked_ns)
{
    return asked_ns + (keeper->conf.ttl_ms - keeper->conf.ttl_ms / MARGIN) * NS_PER_MS;
}

static int check(void *arg, const struct ctx *ctx, struct err *err)
{
    return hold_check(arg, false, ctx, err);
}

struct hold *hold_new(struct keeper *keeper, const char *board, int64_t number, int64_t asked_ns,
                      struct err *err)
{
    struct hold *hold = xcalloc(1, sizeof *hold);

    *hold = (struct hold){.keeper = keeper, .board = xstrdup(board), .number = number};
    hold->fence = (struct fence){
        .check = check,
        .arg = hold,
        .over_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
        .lost_fd = eventfd(0, EFD_CLOEXEC),
    };
    if (hold->fence.over_fd < 0 || hold->fence.lost_fd < 0) {
        err_sys(err, errno, "%s: no lease without a timer", board);
        hold_free(hold);
        return NULL;
    }
    set_until(hold, safe_until(keeper, asked_ns));
    hold->next = keeper->holds;
    keeper->holds = hold;
    return hold;
}

void hold_free(struct hold *hold)
{
    close_fd(&hold->fence.over_fd);
    close_fd(&hold->fence.lost_fd);
    free(hold->board);
    free(hold->why);
    free(hold);
}

const struct fence *hold_fence(const struct hold *hold)
{
    return &hold->fence;
}

/* ---- renewing ------------------------------------------------------------------------------- */

/* Those that are ours, in one array; the strings are the holds'. *ret_asked: somebody wants to
 * know. */
static struct hold **collect(struct keeper *keeper, size_t *ret_count, bool *ret_asked)
{
    struct hold **all = NULL;

    *ret_count = 0;
    *ret_asked = false;
    pthread_mutex_lock(&keeper->lock);
    for (struct hold *hold = keeper->holds; hold; hold = hold->next) {
        *ret_asked |= hold->asked;
        if (hold->lost || hold->dropping)
            continue;
        all = xrealloc(all, *ret_count + 1, sizeof *all);
        all[(*ret_count)++] = hold;
    }
    pthread_mutex_unlock(&keeper->lock);
    return all;
}

/* With the lock held. */
static void tell_askers(struct keeper *keeper)
{
    for (struct hold *hold = keeper->holds; hold; hold = hold->next)
        hold->asked = false;
    keeper->answers++;
    pthread_cond_broadcast(&keeper->answered);
}

/* Who has it now, for people; NULL: nobody. */
static char *find_new_holder(struct keeper *keeper, const char *board)
{
    cleanup_strv struct strv one = {0};
    struct leases_row *rows = NULL;
    size_t count = 0;
    char *who = NULL;

    strv_add(&one, board);
    leases_look(keeper->leases, &one, &rows, &count, NULL);
    if (count && rows[0].left_ms)
        who = holder_describe(&rows[0].holder);
    leases_rows_free(rows, count);
    return who;
}

static void lose(struct keeper *keeper, struct hold *hold)
{
    char *who = find_new_holder(keeper, hold->board);

    pthread_mutex_lock(&keeper->lock);
    hold->lost = true;
    hold->why = who;
    set_until(hold, 1); /* long ago; 0 would stop the timer */
    eventfd_write(hold->fence.lost_fd, 1);
    pthread_mutex_unlock(&keeper->lock);
}

static void take_answer(struct keeper *keeper, struct hold **holds, const struct leases_mark *marks,
                        size_t count, int64_t asked_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (!marks[i].kept) {
            lose(keeper, holds[i]);
            continue;
        }
        pthread_mutex_lock(&keeper->lock);
        set_until(holds[i], safe_until(keeper, asked_ns));
        pthread_mutex_unlock(&keeper->lock);
    }
}

static bool renew(struct keeper *keeper, struct hold **holds, size_t count)
{
    struct leases_mark *marks = xcalloc(count, sizeof *marks);
    int64_t asked_ns = boot_now_ns();
    struct err err = {0};
    bool heard;
    int rc;

    for (size_t i = 0; i < count; i++)
        marks[i] = (struct leases_mark){.board = holds[i]->board, .fence = holds[i]->number};
    rc = leases_renew(keeper->leases, marks, count, &err);
    heard = keeper_heard(keeper, rc, &err);
    if (heard)
        take_answer(keeper, holds, marks, count, asked_ns);
    free(marks);
    return heard;
}

void holds_renew(struct keeper *keeper)
{
    bool due = boot_now_ns() >= keeper->renew_ns, asked, heard = true;
    size_t count;
    struct hold **holds = collect(keeper, &count, &asked);

    if (count && (due || asked))
        heard = renew(keeper, holds, count);
    free(holds);
    if (heard && due)
        heard = wishes_renew(keeper);
    if (!heard)
        keeper->renew_ns = keeper->again_ns;
    else if (due)
        keeper->renew_ns = boot_now_ns() + keeper->conf.ttl_ms * NS_PER_MS / RENEWALS;
    if (!asked)
        return;
    pthread_mutex_lock(&keeper->lock);
    tell_askers(keeper);
    pthread_mutex_unlock(&keeper->lock);
}

void holds_tell_away(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    tell_askers(keeper);
    pthread_mutex_unlock(&keeper->lock);
}

int64_t holds_due_ns(struct keeper *keeper)
{
    int64_t due_ns = INT64_MAX;

    pthread_mutex_lock(&keeper->lock);
    if (keeper->stops)
        due_ns = 0;
    for (struct hold *hold = keeper->holds; hold; hold = hold->next)
        if (!hold->lost && due_ns > keeper->renew_ns)
            due_ns = keeper->renew_ns;
    for (struct hold *hold = keeper->holds; hold; hold = hold->next)
        if (hold->asked || (hold->dropping && !hold->gone))
            due_ns = 0;
    pthread_mutex_unlock(&keeper->lock);
    return due_ns;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Waits until the thread has asked the server, or knows that it is away. With the lock held. */
static int await_answer(struct hold *hold, const struct ctx *ctx, struct err *err)
{
    struct keeper *keeper = hold->keeper;
    struct ctx wait = ctx_narrow(ctx, CHECK_MS);
    unsigned before = keeper->answers;
    int rc = 0;

    hold->asked = true;
    keeper_wake(keeper);
    while (rc == 0 && keeper->answers == before && !hold->lost) {
        struct timespec until;
        int64_t until_ns = ctx_now_ns() + SLICE_MS * NS_PER_MS;
        until = (struct timespec){until_ns / 1000000000, until_ns % 1000000000};
        pthread_cond_timedwait(&keeper->answered, &keeper->lock, &until);
        rc = ctx_check(&wait, err);
    }
    return rc == -ERR_CANCELLED && !hold->lost ? rc : 0;
}

/* With the lock held. */
static int say_lost(const struct hold *hold, struct err *err)
{
    if (hold->lost && hold->why)
        return err_set(err, ERR_LOST,
                       "%s was given to %s: this host did not renew its lease in time", hold->board,
                       hold->why);
    if (hold->lost)
        return err_set(err, ERR_LOST,
                       "%s was given to somebody else meanwhile: this host did not renew its lease "
                       "in time",
                       hold->board);
    return err_set(err, ERR_LOST,
                   "%s may be another host's by now, so it is not touched: its lease has run out, "
                   "and the lab's database cannot be asked%s%s",
                   hold->board, hold->keeper->away.code ? ": " : "",
                   hold->keeper->away.code ? hold->keeper->away.message : "");
}

int hold_check(struct hold *hold, bool anew, const struct ctx *ctx, struct err *err)
{
    struct keeper *keeper = hold->keeper;
    int rc = 0;

    pthread_mutex_lock(&keeper->lock);
    if (!hold->lost && (anew || boot_now_ns() >= hold->until_ns))
        rc = await_answer(hold, ctx, err);
    if (rc == 0 && (hold->lost || (boot_now_ns() >= hold->until_ns && !keeper->conf.local)))
        rc = say_lost(hold, err);
    pthread_mutex_unlock(&keeper->lock);
    return rc;
}

/* ---- letting go ----------------------------------------------------------------------------- */

void hold_drop(struct hold *hold)
{
    struct keeper *keeper;
    struct timespec until;
    int64_t until_ns = ctx_now_ns() + DROP_MS * NS_PER_MS;
    bool gone;

    if (!hold)
        return;
    keeper = hold->keeper;
    until = (struct timespec){until_ns / 1000000000, until_ns % 1000000000};
    pthread_mutex_lock(&keeper->lock);
    hold->dropping = true;
    keeper_wake(keeper);
    while (!hold->gone && !keeper->away.code &&
           pthread_cond_timedwait(&keeper->answered, &keeper->lock, &until) != ETIMEDOUT)
        ;
    gone = hold->gone;
    hold->orphan = !gone;
    keeper->silent = keeper->silent || !gone;
    pthread_mutex_unlock(&keeper->lock);
    if (gone)
        hold_free(hold);
}

/* Off the list; its owner frees it unless he has gone. */
static void unlink_hold(struct keeper *keeper, struct hold *hold)
{
    struct hold **at = &keeper->holds;
    bool orphan;

    while (*at != hold)
        at = &(*at)->next;
    pthread_mutex_lock(&keeper->lock);
    *at = hold->next;
    hold->gone = true;
    orphan = hold->orphan;
    pthread_cond_broadcast(&keeper->answered);
    pthread_mutex_unlock(&keeper->lock);
    if (orphan)
        hold_free(hold);
}

static bool is_to_go(struct keeper *keeper, const struct hold *hold, bool *ret_lost)
{
    bool go;

    pthread_mutex_lock(&keeper->lock);
    go = hold->dropping;
    *ret_lost = hold->lost;
    pthread_mutex_unlock(&keeper->lock);
    return go;
}

void holds_let_go(struct keeper *keeper)
{
    for (struct hold *hold = keeper->holds, *next; hold; hold = next) {
        struct err err = {0};
        bool lost;
        next = hold->next;
        if (!is_to_go(keeper, hold, &lost))
            continue;
        if (!lost &&
            !keeper_heard(keeper, leases_drop(keeper->leases, hold->board, hold->number, &err),
                          &err))
            return;
        unlink_hold(keeper, hold);
    }
}
