/* SPDX-License-Identifier: MIT */
#include "result/event.h"

#include "base/ctx.h"
#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>

#define SINCE_MAX_US INT64_C(1000000000000000) /* 31 years: in nanoseconds it overflows nothing */

struct events {
    pthread_mutex_t lock; /* one event at a time, in the order of their times */
    int64_t start_ns;
    struct event_sink *first, **end;
};

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[] = {
        [EVENT_RUN_START] = "run-start",   [EVENT_JOB_START] = "job-start",
        [EVENT_STATE] = "state",           [EVENT_PROGRESS] = "progress",
        [EVENT_COMMAND] = "command",       [EVENT_LINE] = "line",
        [EVENT_CASE_START] = "case-start", [EVENT_CASE_END] = "case-end",
        [EVENT_DROPPED] = "cases-dropped", [EVENT_NOTE] = "note",
        [EVENT_WARNING] = "warning",       [EVENT_JOB_END] = "job-end",
        [EVENT_RUN_END] = "run-end",       [EVENT_TICK] = "tick",
        [EVENT_RETRY] = "retry",
    };
    return names[kind];
}

struct events *events_new(void)
{
    struct events *events = xcalloc(1, sizeof *events);

    pthread_mutex_init(&events->lock, NULL);
    events->start_ns = ctx_now_ns();
    events->end = &events->first;
    return events;
}

struct events *events_of(int64_t started_unix_us)
{
    int64_t since_us = ctx_unix_us() - started_unix_us;
    struct events *events = events_new();

    if (started_unix_us && since_us > 0 && since_us < SINCE_MAX_US)
        events->start_ns -= since_us * 1000;
    return events;
}

void events_add(struct events *events, struct event_sink *sink)
{
    sink->next = NULL;
    *events->end = sink;
    events->end = &sink->next;
}

void event_emit(struct events *events, struct event event)
{
    if (!events)
        return;
    pthread_mutex_lock(&events->lock);
    event.time_us = (ctx_now_ns() - events->start_ns) / 1000;
    for (struct event_sink *sink = events->first; sink; sink = sink->next)
        sink->take(sink, &event);
    pthread_mutex_unlock(&events->lock);
}

void events_free(struct events *events)
{
    if (!events)
        return;
    pthread_mutex_destroy(&events->lock);
    free(events);
}
