/* SPDX-License-Identifier: MIT */
#include "base/ctx.h"
#include "base/ticker.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8
#define STEPS 5

struct counter {
    struct ticker *ticker;
    atomic_int *inside; /* steps that are under way, of all counters */
    pthread_t thread;   /* that the steps ran on */
    int steps;
    bool overlapped, moved;
};

static bool count(void *arg)
{
    struct counter *counter = arg;
    counter->overlapped |= atomic_fetch_add(counter->inside, 1) != 0;
    counter->moved |= counter->steps > 0 && !pthread_equal(counter->thread, pthread_self());
    counter->thread = pthread_self();
    atomic_fetch_sub(counter->inside, 1);
    return ++counter->steps < STEPS;
}

static void *count_to_the_end(void *arg)
{
    struct counter *counter = arg;
    cr_expect(ticker_run(counter->ticker, count, counter));
    return NULL;
}

Test(base_ticker, one_thread_does_the_steps_of_all)
{
    struct ticker *ticker = ticker_new(1);
    struct counter counters[THREADS] = {{0}};
    pthread_t threads[THREADS];
    atomic_int inside = 0;

    for (int i = 0; i < THREADS; i++) {
        counters[i] = (struct counter){.ticker = ticker, .inside = &inside};
        cr_assert_eq(pthread_create(&threads[i], NULL, count_to_the_end, &counters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        cr_expect_eq(counters[i].steps, STEPS);
        cr_expect(!counters[i].overlapped && !counters[i].moved);
        cr_expect(pthread_equal(counters[i].thread, counters[0].thread));
    }
    ticker_free(ticker);
}

Test(base_ticker, a_step_a_period)
{
    struct ticker *ticker = ticker_new(10);
    atomic_int inside = 0;
    struct counter counter = {.ticker = ticker, .inside = &inside};
    int64_t began = ctx_now_ns();

    cr_expect(ticker_run(ticker, count, &counter));
    cr_expect_geq(ctx_now_ns() - began, STEPS * INT64_C(10000000));
    ticker_free(ticker);
}

Test(base_ticker, may_be_freed_unused)
{
    ticker_free(ticker_new(1));
    ticker_free(NULL);
}
