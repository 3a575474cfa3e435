/* SPDX-License-Identifier: MIT */
#include "store/keeper_parts.h"

#include "base/fs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_MS 1000
#define IDLE_MS 60000
#define END_MS 2000
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

int64_t boot_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void keeper_wake(struct keeper *keeper)
{
    eventfd_write(keeper->wake_fd, 1);
}

/* This start of this kernel, and the directory of the locks: cards that were copied have one name
 * and one machine-id, and containers have one kernel. Caller frees. */
char *keeper_place(const char *runtime_dir)
{
    cleanup_buf struct buf boot = BUF_INIT(64);
    struct stat info = {0};

    fs_read(BOOT_ID, &boot, NULL);
    stat(runtime_dir, &info);
    return xasprintf("%.36s:%llx:%llx", boot.data, (unsigned long long)info.st_dev,
                     (unsigned long long)info.st_ino);
}

struct keeper *keeper_new(const struct keeper_conf *conf)
{
    struct keeper *keeper = xcalloc(1, sizeof *keeper);
    pthread_condattr_t monotonic;

    keeper->conf = *conf;
    keeper->place = keeper_place(conf->runtime_dir);
    keeper->leases_conf = (struct leases_conf){.url = conf->url,
                                               .lab = conf->lab,
                                               .place = keeper->place,
                                               .ttl_ms = conf->ttl_ms,
                                               .ctx = &keeper->ctx};
    keeper->wake_fd = keeper->end_fd = -1;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return keeper;
}

/* ---- the server ---------------------------------------------------------------------------- */

bool keeper_is_away(int rc)
{
    return rc == -ERR_GONE || rc == -ERR_TIMEOUT || rc == -ERR_BUSY || rc == -ERR_IO;
}

bool keeper_heard(struct keeper *keeper, int rc, const struct err *err)
{
    pthread_mutex_lock(&keeper->lock);
    if (rc < 0)
        keeper->away = *err;
    else
        keeper->away.code = ERR_NONE;
    pthread_mutex_unlock(&keeper->lock);
    if (rc < 0)
        keeper->again_ns = boot_now_ns() + AGAIN_MS * INT64_C(1000000);
    return rc >= 0;
}

/* Whether it may be asked anything now. */
static bool is_up(struct keeper *keeper)
{
    struct err err = {0};

    if (boot_now_ns() < keeper->again_ns)
        return false;
    if (keeper->leases)
        return true;
    return keeper_heard(keeper, leases_open(&keeper->leases_conf, &keeper->leases, &err), &err);
}

/* ---- its thread ---------------------------------------------------------------------------- */

static int64_t sooner(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* Until something is due, somebody wants something, or there is news. */
static void wait_for_news(struct keeper *keeper)
{
    int64_t now_ns = boot_now_ns(), due_ns = now_ns + IDLE_MS * INT64_C(1000000);
    bool connected = keeper->leases && now_ns >= keeper->again_ns;
    struct ctx forever = ctx_root(keeper->wake_fd, NULL), wait;
    cleanup_free char *news = NULL;
    struct err err = {0};
    eventfd_t woken;
    int rc;

    due_ns = sooner(due_ns, sooner(holds_due_ns(keeper), wishes_due_ns(keeper)));
    if (!connected && due_ns < keeper->again_ns)
        due_ns = keeper->again_ns;
    wait = ctx_narrow(&forever, due_ns > now_ns ? (due_ns - now_ns + 999999) / 1000000 : 0);
    if (due_ns <= now_ns)
        return;
    rc = connected ? leases_news(keeper->leases, &wait, &news, &err)
                   : ctx_wait(&wait, -1, POLLIN, &err);
    if (rc == 0)
        wishes_told(keeper, news);
    else if (rc == -ERR_CANCELLED)
        eventfd_read(keeper->wake_fd, &woken);
    if (rc >= 0 || rc == -ERR_CANCELLED || rc == -ERR_TIMEOUT)
        return;
    keeper_heard(keeper, rc, &err); /* the next question makes another connection */
    keeper->renew_ns = keeper->again_ns;
    wishes_told(keeper, NULL);
}

static bool stops(struct keeper *keeper)
{
    bool stop;

    pthread_mutex_lock(&keeper->lock);
    stop = keeper->stops;
    pthread_mutex_unlock(&keeper->lock);
    return stop;
}

static void *keep(void *arg)
{
    struct keeper *keeper = arg;
    bool last;

    do {
        bool up;
        keeper->turn_ns = boot_now_ns();
        last = stops(keeper); /* before: what was dropped by then is let go */
        up = is_up(keeper);
        if (up)
            holds_renew(keeper);
        else
            holds_tell_away(keeper);
        if (is_up(keeper))
            holds_let_go(keeper);
        wishes_look(keeper, is_up(keeper));
        if (!last)
            wait_for_news(keeper);
    } while (!last);
    pthread_mutex_lock(&keeper->lock);
    keeper->ended = true;
    pthread_cond_broadcast(&keeper->answered);
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

static int start(struct keeper *keeper, struct err *err)
{
    pthread_mutex_lock(&keeper->lock);
    if (keeper->wake_fd < 0)
        keeper->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (keeper->end_fd < 0)
        keeper->end_fd = eventfd(0, EFD_CLOEXEC);
    if (!keeper->runs)
        keeper->ctx = ctx_root(keeper->end_fd, NULL);
    if (!keeper->runs && keeper->wake_fd >= 0 && keeper->end_fd >= 0)
        keeper->runs = pthread_create(&keeper->thread, NULL, keep, keeper) == 0;
    pthread_mutex_unlock(&keeper->lock);
    return keeper->runs ? 0
                        : err_set(err, ERR_LIMIT,
                                  "no more threads or descriptors can be had; try: ulimit -n 4096");
}

/* A server that is silent is not waited for. */
static void end(struct keeper *keeper)
{
    int64_t until_ns = ctx_now_ns() + END_MS * INT64_C(1000000);
    const struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

    pthread_mutex_lock(&keeper->lock);
    keeper->stops = true;
    keeper_wake(keeper);
    while (!keeper->ended && !keeper->silent &&
           pthread_cond_timedwait(&keeper->answered, &keeper->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&keeper->lock);
    eventfd_write(keeper->end_fd, 1);
    pthread_join(keeper->thread, NULL);
}

void keeper_free(struct keeper *keeper)
{
    struct hold *hold;

    if (!keeper)
        return;
    if (keeper->runs)
        end(keeper);
    while ((hold = keeper->holds)) {
        keeper->holds = hold->next;
        hold_free(hold);
    }
    leases_close(keeper->leases);
    close_fd(&keeper->wake_fd);
    close_fd(&keeper->end_fd);
    pthread_cond_destroy(&keeper->answered);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper->place);
    free(keeper);
}

/* ---- taking -------------------------------------------------------------------------------- */

/* Whom turns go round between: at the desk, people. Caller frees. */
static char *party_of(const struct holder *self, const char *host)
{
    return self->repository ? xstrdup(self->repository)
                            : xasprintf("%s@%s", self->user ? self->user : "somebody", host);
}

void keeper_seat(const struct holder *self, struct leases_seat *ret)
{
    struct holder there = *self; /* but for `host`, the caller's */
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    there.host = host;
    *ret = (struct leases_seat){
        .rank = self->rank, .party = party_of(self, host), .record = holder_to_json(&there, 0)};
    if (self->seat)
        strv_add(&ret->rows, self->seat);
}

static struct wish *wish_new(const struct keeper_wish *wanted)
{
    struct wish *wish = xcalloc(1, sizeof *wish);

    keeper_seat(wanted->self, &wish->seat);
    for (size_t i = 0; i < wanted->count; i++)
        strv_add(&wish->seat.boards, wanted->boards[i]);
    wish->wait = wanted->wait;
    wish->told_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return wish;
}

/* Waits until it is over, and tells who is waited for. */
static int await(struct keeper *keeper, struct wish *wish, const struct keeper_wish *wanted,
                 const struct ctx *ctx, struct err *err)
{
    bool told = !wanted->waiting, over = false;
    int rc = 0;

    while (!over && rc >= 0) {
        cleanup_free char *why = NULL;
        eventfd_t count;
        rc = ctx_wait(ctx, wish->told_fd, POLLIN, err);
        if (rc > 0)
            eventfd_read(wish->told_fd, &count);
        pthread_mutex_lock(&keeper->lock);
        over = wish->over;
        why = told || over ? NULL : xstrdup(wish->why);
        wish->abandoned = !over && rc < 0;
        if (rc == -ERR_TIMEOUT && !over && wish->why)
            err_hint(err, " while waiting: %s", wish->why);
        pthread_mutex_unlock(&keeper->lock);
        if (why)
            wanted->waiting(wanted->arg, why);
        told = told || why;
    }
    return over ? 0 : rc;
}

int keeper_take(struct keeper *keeper, const struct keeper_wish *wanted, const struct ctx *ctx,
                struct hold **ret, size_t *ret_index, struct err *err)
{
    struct wish *wish;
    int rc = start(keeper, err);

    if (rc == 0)
        rc = ctx_check(ctx, err);
    if (rc < 0)
        return rc;
    wish = wish_new(wanted);
    pthread_mutex_lock(&keeper->lock);
    wish->next = keeper->wishes;
    keeper->wishes = wish;
    pthread_mutex_unlock(&keeper->lock);
    keeper_wake(keeper);
    rc = await(keeper, wish, wanted, ctx, err);
    if (rc < 0) {
        keeper_wake(keeper); /* whose it is now */
        return rc;
    }
    rc = wish->rc;
    if (rc < 0 && err)
        *err = wish->err;
    *ret = wish->hold;
    *ret_index = wish->index;
    wish_free(wish);
    return rc;
}
