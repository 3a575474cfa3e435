/* SPDX-License-Identifier: MIT */
#include "store/keeper_parts.h"

#include "base/buf.h"
#include "board/lease.h"

#include <stdlib.h>
#include <sys/eventfd.h>

#define AWAY_MS 20000 /* a server that starts again, or another in its place, is there by then */
#define AGAIN_MS 500
#define PEEK_MS 500 /* between two looks at the locks of this host */
#define LOOKS 4     /* in a ttl, where nobody tells anything */
#define SPARE_MS 20 /* after a lease should have run out */
#define NS_PER_MS INT64_C(1000000)

static void look_in(struct wish *wish, int64_t ms)
{
    wish->look_ns = boot_now_ns() + ms * NS_PER_MS;
}

/* ---- its end -------------------------------------------------------------------------------- */

void wish_free(struct wish *wish)
{
    leases_seat_done(&wish->seat);
    strv_done(&wish->here);
    free(wish->why);
    close_fd(&wish->told_fd);
    free(wish);
}

/* With the lock held. */
static void take_off(struct keeper *keeper, struct wish *wish)
{
    struct wish **at = &keeper->wishes;

    while (*at != wish)
        at = &(*at)->next;
    *at = wish->next;
}

/* With its outcome, or, where nobody wants that any more, without a trace. */
static void end(struct keeper *keeper, struct wish *wish, int rc, const struct err *err)
{
    bool abandoned;

    pthread_mutex_lock(&keeper->lock);
    take_off(keeper, wish);
    abandoned = wish->abandoned;
    wish->rc = rc;
    if (err)
        wish->err = *err;
    if (abandoned && wish->hold)
        wish->hold->dropping = wish->hold->orphan = true;
    wish->over = true;
    if (!abandoned)
        eventfd_write(wish->told_fd, 1); /* with the lock held: behind it, it may be gone */
    pthread_mutex_unlock(&keeper->lock);
    if (abandoned)
        wish_free(wish);
}

static void leave_queue(struct keeper *keeper, struct wish *wish)
{
    struct err err = {0};

    if (wish->seat.rows.count)
        keeper_heard(keeper, leases_unqueue(keeper->leases, &wish->seat, &err), &err);
}

/* ---- who has them --------------------------------------------------------------------------- */

static void describe_row(const struct leases_row *row, size_t ours, struct buf *out)
{
    size_t waiting = row->waiting > ours ? row->waiting - ours : 0;
    cleanup_free char *who = holder_describe(&row->holder);

    if (row->left_ms)
        buf_addf(out, "%s is held by %s", row->board, who);
    if (row->left_ms && waiting)
        buf_addf(out, ", %zu waiting", waiting);
    if (!row->left_ms && waiting)
        buf_addf(out, "%s has a queue of %zu", row->board, waiting);
    else if (!row->left_ms)
        buf_addf(out, "%s was held until a moment ago", row->board);
}

static void set_why(struct keeper *keeper, struct wish *wish, char *why)
{
    pthread_mutex_lock(&keeper->lock);
    free(wish->why);
    wish->why = why;
    eventfd_write(wish->told_fd, 1);
    pthread_mutex_unlock(&keeper->lock);
}

static void describe(struct keeper *keeper, struct wish *wish, const struct leases_row *rows,
                     size_t count)
{
    struct buf out = BUF_INIT(16384);

    for (size_t i = 0; i < count && i < LEASES_COUNTED; i++) {
        buf_adds(&out, i ? "; " : "");
        describe_row(&rows[i], wish->queued, &out);
    }
    if (count > LEASES_COUNTED)
        buf_addf(&out, "; and %zu more", count - LEASES_COUNTED);
    set_why(keeper, wish, buf_steal(&out));
}

/* ---- the dead of this host ------------------------------------------------------------------ */

/* Whose lock is free although the board is given to this host: he died without a word. Who has the
 * lock in hand may say so. A holder who was given the board just now may not have come to the
 * lock. */
static bool bury(struct keeper *keeper, const struct leases_row *row)
{
    static const struct holder nobody = {0};
    const struct keeper_conf *conf = &keeper->conf;
    const struct ctx now = ctx_root(-1, NULL);
    const char *board = row->board;
    struct lease *lease = NULL;
    struct err err = {0};
    size_t index;
    int rc;

    if (!row->left_ms || !row->is_here || row->is_fresh ||
        lease_take(conf->runtime_dir, conf->lab, &board, 1, &nobody, false, &now, NULL, NULL,
                   &lease, &index, NULL) < 0)
        return false;
    rc = leases_drop(keeper->leases, board, row->fence, &err);
    lease_drop(lease);
    return keeper_heard(keeper, rc, &err);
}

static bool some_lock_is_free(const struct keeper *keeper, const struct wish *wish)
{
    for (size_t i = 0; i < wish->here.count; i++) {
        struct holder holder;
        size_t waiting;
        bool held;
        int rc = lease_peek(keeper->conf.runtime_dir, keeper->conf.lab, wish->here.items[i], &held,
                            &holder, &waiting, NULL);
        holder_done(&holder);
        if (rc == 0 && !held)
            return true;
    }
    return false;
}

/* ---- one look ------------------------------------------------------------------------------- */

/* When to look again, should nobody tell anything: when the first lease would run out. */
static void plan_look(struct keeper *keeper, struct wish *wish, const struct leases_row *rows,
                      size_t count)
{
    int64_t next_ms = keeper->conf.ttl_ms / LOOKS;

    strv_done(&wish->here);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].left_ms && rows[i].left_ms + SPARE_MS < next_ms)
            next_ms = rows[i].left_ms + SPARE_MS;
        if (rows[i].left_ms && rows[i].is_here)
            strv_add(&wish->here, rows[i].board);
    }
    look_in(wish, next_ms);
    wish->peek_ns = boot_now_ns() + PEEK_MS * NS_PER_MS;
}

/* After a try that was not our turn. */
static int look_who(struct keeper *keeper, struct wish *wish, struct err *err)
{
    struct leases_row *rows = NULL;
    bool buried = false;
    size_t count = 0;
    int rc = leases_look(keeper->leases, &wish->seat.boards, &rows, &count, err);

    for (size_t i = 0; rc == 0 && i < count; i++)
        buried |= bury(keeper, &rows[i]);
    if (rc == 0)
        describe(keeper, wish, rows, count);
    if (rc == 0)
        plan_look(keeper, wish, rows, count);
    leases_rows_free(rows, count);
    return rc < 0 ? rc : buried;
}

static int try(struct keeper *keeper, struct wish *wish, struct err *err)
{
    int64_t asked_ns = boot_now_ns(), number;
    int rc = leases_take(keeper->leases, &wish->seat, &wish->index, &number, err);

    if (rc != 1)
        return rc;
    wish->hold = hold_new(keeper, wish->seat.boards.items[wish->index], number, asked_ns, err);
    if (wish->hold)
        return 1;
    leases_drop(keeper->leases, wish->seat.boards.items[wish->index], number, NULL);
    return -(int)err->code;
}

/* 1: it has one; 0: later; else an error. */
static int look(struct keeper *keeper, struct wish *wish, struct err *err)
{
    int rc = try(keeper, wish, err);

    if (rc == 0 && wish->wait && !wish->queued) {
        rc = leases_queue(keeper->leases, &wish->seat, err);
        wish->queued = rc == 0;
        if (rc == 0)
            rc = try(keeper, wish, err); /* what became free before we were in the queue */
    }
    if (rc == 0 && (rc = look_who(keeper, wish, err)) == 1)
        rc = try(keeper, wish, err);
    if (rc == 0 && !wish->wait)
        rc = err_set(err, ERR_BUSY, "%s; try: --wait 10m", wish->why);
    return rc;
}

/* ---- a server that is away ------------------------------------------------------------------ */

static void wait_for_server(struct keeper *keeper, struct wish *wish)
{
    struct err err = keeper->away;
    int64_t now_ns = boot_now_ns();

    if (!wish->away_ns)
        wish->away_ns = keeper->turn_ns; /* a connection that was waited for counts */
    err_wrap(&err, "no board without the lab's database");
    if (wish->wait && keeper_is_away(-(int)err.code) && !keeper->conf.local &&
        now_ns < wish->away_ns + AWAY_MS * NS_PER_MS) {
        set_why(keeper, wish, xstrdup(err.message));
        look_in(wish, AGAIN_MS);
        return;
    }
    if (keeper_is_away(-(int)err.code))
        err.code = ERR_GONE;
    end(keeper, wish, -(int)err.code, &err);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void serve(struct keeper *keeper, struct wish *wish, bool up)
{
    struct err err = {0};
    bool abandoned;
    int rc;

    pthread_mutex_lock(&keeper->lock);
    abandoned = wish->abandoned;
    pthread_mutex_unlock(&keeper->lock);
    if (abandoned) {
        if (up)
            leave_queue(keeper, wish);
        end(keeper, wish, 0, NULL);
        return;
    }
    if (boot_now_ns() < wish->look_ns &&
        !(wish->here.count && boot_now_ns() >= wish->peek_ns && some_lock_is_free(keeper, wish))) {
        wish->peek_ns =
            boot_now_ns() >= wish->peek_ns ? boot_now_ns() + PEEK_MS * NS_PER_MS : wish->peek_ns;
        return;
    }
    if (!up) {
        wait_for_server(keeper, wish);
        return;
    }
    rc = look(keeper, wish, &err);
    if (rc == 1 || (rc == -ERR_BUSY && !wish->wait)) {
        keeper_heard(keeper, 0, NULL);
        end(keeper, wish, rc == 1 ? 0 : rc, &err);
    } else if (keeper_heard(keeper, rc, &err)) {
        wish->away_ns = 0;
    } else {
        wait_for_server(keeper, wish);
    }
}

void wishes_look(struct keeper *keeper, bool up)
{
    struct wish *first, *next;

    pthread_mutex_lock(&keeper->lock);
    first = keeper->wishes;
    pthread_mutex_unlock(&keeper->lock);
    for (struct wish *wish = first; wish; wish = next) {
        next = wish->next;
        serve(keeper, wish, up && boot_now_ns() >= keeper->again_ns);
    }
}

bool wishes_renew(struct keeper *keeper)
{
    cleanup_strv struct strv rows = {0};
    struct err err = {0};

    pthread_mutex_lock(&keeper->lock);
    for (const struct wish *wish = keeper->wishes; wish; wish = wish->next)
        for (size_t i = 0; i < wish->seat.rows.count; i++)
            strv_add(&rows, wish->seat.rows.items[i]);
    pthread_mutex_unlock(&keeper->lock);
    return !rows.count || keeper_heard(keeper, leases_wait_on(keeper->leases, &rows, &err), &err);
}

void wishes_told(struct keeper *keeper, const char *news)
{
    pthread_mutex_lock(&keeper->lock);
    for (struct wish *wish = keeper->wishes; wish; wish = wish->next)
        if (!news || leases_is_told(&wish->seat, news))
            wish->look_ns = 0;
    pthread_mutex_unlock(&keeper->lock);
}

int64_t wishes_due_ns(struct keeper *keeper)
{
    int64_t due_ns = INT64_MAX;

    pthread_mutex_lock(&keeper->lock);
    for (const struct wish *wish = keeper->wishes; wish; wish = wish->next) {
        if (wish->abandoned)
            due_ns = 0;
        if (wish->seat.rows.count && keeper->renew_ns < due_ns)
            due_ns = keeper->renew_ns;
        if (wish->look_ns < due_ns)
            due_ns = wish->look_ns;
        if (wish->here.count && wish->peek_ns < due_ns)
            due_ns = wish->peek_ns;
    }
    pthread_mutex_unlock(&keeper->lock);
    return due_ns;
}
