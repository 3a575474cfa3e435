/* SPDX-License-Identifier: MIT
 *
 * event: what happens while a run goes on, told once to whoever watches.
 *
 * The pipeline emits; the live view, events.jsonl and who runs hil on a server are sinks. Events go
 * out in order, one at a time, on the emitting thread: a sink must be quick. All pointers of an
 * event are borrowed for the call.
 */
#ifndef HIL_RESULT_EVENT_H
#define HIL_RESULT_EVENT_H

#include "result/result.h"

#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_RUN_START, /* number = jobs */
    EVENT_JOB_START, /* a board has taken the job from the queue; text: its directory in the run's */
    EVENT_STATE,     /* text = "waiting" (suite: for what) "leased" "server" "power" "console"
                      * "flash" "compare" "verify" "provision" "reset" "test" "rest"; of "test": the
                      * console had said `number` bytes when the board was reset, `total`
                      * microseconds after it was opened */
    EVENT_PROGRESS,  /* number of `total` bytes; text = "erase" "flash" "verify" */
    EVENT_COMMAND,   /* an external program: text = its argv, joined by blanks */
    EVENT_LINE,      /* the console said a line: text, text_size */
    EVENT_CASE_START, /* text = name, suite */
    EVENT_CASE_END,   /* test_case, suite */
    EVENT_DROPPED,    /* number = this job's cases so far, which do not count; text: why */
    EVENT_NOTE,       /* text: worth knowing */
    EVENT_WARNING,    /* text: worth mending */
    EVENT_RETRY,      /* number = the attempt that comes, of `total`; text: where */
    EVENT_JOB_END,    /* job; where nothing was tested: text, number = 1 where it failed */
    EVENT_RUN_END,    /* run */
    EVENT_TICK,       /* time passes, for viewers that show it; not for the record */
};
const char *event_kind_name(enum event_kind kind); /* "run-start" ... */

struct event {
    enum event_kind kind;
    int64_t time_us;   /* since events_new(), a moment before run-start; set by event_emit() */
    const char *board; /* NULL: of the whole run */
    const char *test;  /* the job's name; NULL as above */
    const char *text;
    size_t text_size; /* 0: text is a string */
    const char *suite;
    uint64_t number, total;
    const struct test_case *test_case;
    const struct job_result *job;
    const struct run_result *run;
};

struct event_sink {
    void (*take)(struct event_sink *sink, const struct event *event);
    struct event_sink *next; /* set by events_add() */
};

struct events;
struct events *events_new(void); /* starts the clock */
/* The clock of a run that began then. */
struct events *events_of(int64_t started_unix_us);
void events_add(struct events *events, struct event_sink *sink); /* borrowed; before any thread */
/* Thread-safe; `events` may be NULL. */
void event_emit(struct events *events, struct event event);
void events_free(struct events *events);

#endif
