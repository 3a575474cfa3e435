/* SPDX-License-Identifier: MIT */
#include "run/remote_events.h"

#include "base/str.h"
#include "report/event_read.h"
#include "run/saved.h"

#include <string.h>

static void note_reset(struct remote_events *told, const struct event *event)
{
    told->tested = true;
    told->reset_bytes = event->number;
    told->reset_us = event->total < SAVED_SPAN_MAX_US ? (int64_t)event->total : 0;
}

static void tell(struct remote_events *told, struct event *event)
{
    switch (event->kind) {
    case EVENT_RUN_END:
        told->finished = true;
        return;
    case EVENT_RUN_START:
    case EVENT_JOB_START:
    case EVENT_RETRY:
    case EVENT_TICK:
        return;
    default:
        if (event->kind == EVENT_STATE && str_eq(event->text, "leased"))
            told->leased = true;
        if (event->kind == EVENT_STATE && str_eq(event->text, "test"))
            note_reset(told, event);
        event->board = told->board;
        event->test = told->test;
        event_emit(told->events, *event);
    }
}

static void add_words(struct remote_events *told, const char *words, size_t size)
{
    if (!size)
        return;
    buf_addf(&told->words, "%s", told->words.size ? "; " : "");
    buf_add(&told->words, words, size);
}

static void take_line(struct remote_events *told, const char *line, size_t size)
{
    struct event_line event;

    if (event_read(line, size, &event, NULL) < 0) {
        add_words(told, line, size);
    } else if (event.event.kind == EVENT_JOB_END) {
        const char *reason = json_get_string(event.json, "reason", "");
        add_words(told, reason, strlen(reason));
    } else {
        tell(told, &event.event);
    }
    event_line_done(&event);
}

/* A line beyond the ceiling is let go by as a whole. */
static void take_errors(struct remote_events *told, const char *bytes, size_t count)
{
    while (count) {
        const char *end = memchr(bytes, '\n', count);
        size_t piece = end ? (size_t)(end - bytes) : count;
        buf_add(&told->line, bytes, piece);
        if (end) {
            take_line(told, told->line.data, told->line.size);
            buf_clear(&told->line);
            piece++;
        }
        bytes += piece;
        count -= piece;
    }
}

void remote_events_take(void *arg, bool errors, const char *bytes, size_t count)
{
    struct remote_events *told = arg;

    if (!told->line.ceiling)
        told->line = (struct buf)BUF_INIT(EVENT_LINE_MAX);
    if (errors)
        take_errors(told, bytes, count);
    else if (told->out.ceiling)
        buf_add(&told->out, bytes, count);
}

void remote_events_forget(struct remote_events *told)
{
    buf_clear(&told->line);
    buf_clear(&told->words);
    buf_clear(&told->out);
    told->leased = told->finished = told->tested = false;
}

void remote_events_done(struct remote_events *told)
{
    buf_done(&told->line);
    buf_done(&told->words);
    buf_done(&told->out);
}
