/* SPDX-License-Identifier: MIT */
#include "base/ticker.h"

#include "base/ctx.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct work { /* of who waits for it */
    struct work *next;
    bool (*step)(void *arg);
    void *arg;
    bool over;
    pthread_cond_t changed;
};

struct ticker {
    int64_t period_ns;
    pthread_t thread;
    bool runs, stops;
    struct work *fresh; /* that the thread has not taken over yet */
    pthread_mutex_t lock;
    pthread_cond_t came;
};

struct ticker *ticker_new(unsigned period_ms)
{
    struct ticker *ticker = xcalloc(1, sizeof *ticker);

    ticker->period_ns = (int64_t)period_ms * 1000000;
    pthread_mutex_init(&ticker->lock, NULL);
    pthread_cond_init(&ticker->came, NULL);
    return ticker;
}

static void say_over(struct ticker *ticker, struct work *work)
{
    pthread_mutex_lock(&ticker->lock);
    work->over = true;
    pthread_cond_signal(&work->changed); /* with the lock held: behind it, work may be gone */
    pthread_mutex_unlock(&ticker->lock);
}

/* Adds what came meanwhile to `works`; waits for something to do where there is none. False: stop.
 */
static bool take_over(struct ticker *ticker, struct work **works)
{
    struct work **last = works;
    bool goes_on;

    while (*last)
        last = &(*last)->next;
    pthread_mutex_lock(&ticker->lock);
    while (!*works && !ticker->fresh && !ticker->stops)
        pthread_cond_wait(&ticker->came, &ticker->lock);
    *last = ticker->fresh;
    ticker->fresh = NULL;
    goes_on = !ticker->stops;
    pthread_mutex_unlock(&ticker->lock);
    return goes_on;
}

/* The next time of the same beat; one that is past already is left out. */
static void wait_for_beat(int64_t *beat_ns, int64_t period_ns)
{
    int64_t now = ctx_now_ns();

    *beat_ns = *beat_ns + period_ns > now ? *beat_ns + period_ns : now + period_ns;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME,
                    &(struct timespec){*beat_ns / 1000000000, *beat_ns % 1000000000}, NULL);
}

static void *tick(void *arg)
{
    struct ticker *ticker = arg;
    struct work *works = NULL;
    int64_t beat_ns = ctx_now_ns();

    while (take_over(ticker, &works)) {
        wait_for_beat(&beat_ns, ticker->period_ns);
        for (struct work **at = &works; *at;) {
            struct work *work = *at;
            if (work->step(work->arg)) {
                at = &work->next;
            } else {
                *at = work->next;
                say_over(ticker, work);
            }
        }
    }
    return NULL;
}

/* With the lock held. */
static void wait_over(struct ticker *ticker, struct work *work)
{
    work->next = ticker->fresh;
    ticker->fresh = work;
    pthread_cond_signal(&ticker->came);
    while (!work->over)
        pthread_cond_wait(&work->changed, &ticker->lock);
}

bool ticker_run(struct ticker *ticker, bool (*step)(void *arg), void *arg)
{
    struct work *work = xcalloc(1, sizeof *work);
    bool runs;

    work->step = step;
    work->arg = arg;
    pthread_cond_init(&work->changed, NULL);
    pthread_mutex_lock(&ticker->lock);
    if (!ticker->runs)
        ticker->runs = pthread_create(&ticker->thread, NULL, tick, ticker) == 0;
    runs = ticker->runs;
    if (runs)
        wait_over(ticker, work);
    pthread_mutex_unlock(&ticker->lock);
    pthread_cond_destroy(&work->changed);
    free(work);
    return runs;
}

void ticker_free(struct ticker *ticker)
{
    if (!ticker)
        return;
    if (ticker->runs) {
        pthread_mutex_lock(&ticker->lock);
        ticker->stops = true;
        pthread_cond_signal(&ticker->came);
        pthread_mutex_unlock(&ticker->lock);
        pthread_join(ticker->thread, NULL);
    }
    pthread_cond_destroy(&ticker->came);
    pthread_mutex_destroy(&ticker->lock);
    free(ticker);
}
