/* SPDX-License-Identifier: MIT */
#include "result/event.h"

#include "base/ctx.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

struct recorder {
    struct event_sink sink;
    struct recorder *before; /* must have seen an event first; NULL: none */
    atomic_int inside;
    size_t count;
    int64_t last_us;
    bool overlapped, backwards, overtaken;
    char text[64];
};

static void record(struct event_sink *sink, const struct event *event)
{
    struct recorder *recorder = (struct recorder *)sink;

    if (atomic_fetch_add(&recorder->inside, 1))
        recorder->overlapped = true;
    sched_yield(); /* gives another thread the chance to come in */
    recorder->count++;
    if (recorder->before && recorder->before->count != recorder->count)
        recorder->overtaken = true;
    if (event->time_us < recorder->last_us)
        recorder->backwards = true;
    recorder->last_us = event->time_us;
    if (event->text)
        strncat(recorder->text, event->text, sizeof recorder->text - strlen(recorder->text) - 1);
    atomic_fetch_sub(&recorder->inside, 1);
}

Test(event, sinks_hear_in_the_order_they_were_added)
{
    struct events *events = events_new();
    struct recorder first = {.sink.take = record};
    struct recorder second = {.sink.take = record, .before = &first};

    events_add(events, &first.sink);
    events_add(events, &second.sink);
    event_emit(events, (struct event){.kind = EVENT_NOTE, .text = "a"});
    event_emit(events, (struct event){.kind = EVENT_NOTE, .text = "b"});
    cr_expect_str_eq(first.text, "ab");
    cr_expect_str_eq(second.text, "ab");
    cr_expect_not(second.overtaken);
    events_free(events);
}

Test(event, nobody_need_listen)
{
    struct events *events = events_new();

    event_emit(events, (struct event){.kind = EVENT_NOTE});
    event_emit(NULL, (struct event){.kind = EVENT_NOTE});
    events_free(events);
    events_free(NULL);
}

static void *emit_many(void *arg)
{
    for (int i = 0; i < 2000; i++)
        event_emit(arg, (struct event){.kind = EVENT_PROGRESS});
    return NULL;
}

Test(event, threads_take_turns_and_time_never_runs_back)
{
    struct events *events = events_new();
    struct recorder recorder = {.sink.take = record};
    pthread_t threads[4];

    events_add(events, &recorder.sink);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, emit_many, events), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(recorder.count, 8000);
    cr_expect_not(recorder.overlapped);
    cr_expect_not(recorder.backwards);
    events_free(events);
}

Test(event, kinds_have_names)
{
    for (int kind = EVENT_RUN_START; kind <= EVENT_RUN_END; kind++) {
        cr_assert_not_null(event_kind_name((enum event_kind)kind));
        for (int other = EVENT_RUN_START; other < kind; other++)
            cr_expect_str_neq(event_kind_name((enum event_kind)kind),
                              event_kind_name((enum event_kind)other));
    }
    cr_expect_str_eq(event_kind_name(EVENT_RUN_START), "run-start");
    cr_expect_str_eq(event_kind_name(EVENT_CASE_END), "case-end");
}

Test(event, the_clock_of_a_run_that_began_earlier)
{
    const struct {
        int64_t since_us, at_least, below;
    } rows[] = {{60000000, 60000000, 90000000},
                {0, 0, 30000000},
                {-60000000, 0, 30000000}, /* by a clock that was set back */
                {INT64_C(1000000000000001), 0, 30000000}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct events *events = events_of(ctx_unix_us() - rows[i].since_us);
        struct recorder recorder = {.sink.take = record};
        events_add(events, &recorder.sink);
        event_emit(events, (struct event){.kind = EVENT_NOTE});
        cr_expect(recorder.last_us >= rows[i].at_least && recorder.last_us < rows[i].below,
                  "row %zu", i);
        events_free(events);
    }
}
