/* SPDX-License-Identifier: MIT
 *
 * collector_state: the collector from inside, for collector.c (cases), course.c (how the run goes)
 * and parser.c, which owns it. No format includes this.
 */
#ifndef HIL_PARSE_COLLECTOR_STATE_H
#define HIL_PARSE_COLLECTOR_STATE_H

#include "base/buf.h"
#include "parse/collector.h"
#include "parse/crash.h"
#include "parse/lines.h"
#include "parse/parser.h"
#include "parse/restart.h"
#include "parse/trail.h"

struct case_ref { /* pointers to suites and cases do not live long */
    size_t suite, number;
};
struct tally {
    int64_t total, fail;
};

struct collector {
    struct job_result *job;
    struct parse_watch watch;
    struct line line; /* the one that is being read, or was read last */

    /* Cases. */
    struct buf suite;
    size_t suite_number; /* where the last case went */
    struct buf open_suite, open_name;
    int64_t open_us;
    uint64_t open_begin;
    struct buf note, note_file; /* the failure noted */
    struct trail context;       /* lines of the open test, or since the last result */
    uint64_t context_begin;
    struct case_ref last;
    struct trail detail;      /* to be added to the last case */
    int64_t last_us;          /* when the last case ended; -1: none since the reset */
    struct case_index *index; /* by name; made when first needed */
    uint32_t note_line;
    bool open, open_restarts; /* a test is; an expected reset came, it will be started again */
    bool noted, has_context, has_last;
    bool recalled; /* the last case is an older one: its lines have been */

    /* The run. */
    bool repeats, resets_expected, resets_between; /* tests: by the format's own way */
    bool began;                                    /* a test did, since the last reset */
    bool ended, more, over;                        /* over: nothing counts from here on */
    bool stopped;                                  /* a crash's last line was seen */
    bool over_by_boot;                             /* it is over since the board started again */
    bool has_first, again;                         /* again: the log's first dialect came back */
    uint64_t first_test; /* hash of the run's first: firmware that loops shows it again */
    uint64_t log_test;   /* of the log's first */
    struct restart restart;
    struct tally seen, printed;
    unsigned reboots, silent_boots, crashes; /* crashes: outside any test */
    enum crash_kind crash;                   /* CRASH_NONE: none that is not explained */
    struct buf crash_line;
    bool crash_explained; /* its words are complete */
    struct trail dump;
    int64_t patience_ms;
    struct buf crash_trouble, troubles, aborted;
};

struct collector *collector_new(struct job_result *job, const struct parse_watch *watch,
                                bool resets_expected);
void collector_free(struct collector *collector); /* NULL is fine */
/* A line that no format took: a boot banner, a crash, or what the open test prints. */
void collector_other_line(struct collector *collector, enum crash_kind kind);
/* Forgets crashes and boots: the lines come once more, now with a format. */
void collector_forget(struct collector *collector);
/* The run is over, but perhaps for its last words: lines may be of another dialect's. */
bool collector_ended(const struct collector *collector);
/* They are; `again`: the dialect that the log began with. */
void collector_another(struct collector *collector, bool again);
enum parse_state collector_state(const struct collector *collector);
const char *collector_finish(struct collector *collector, enum capture_end end);

/* collector.c for course.c */
void collector_close_open(struct collector *collector, const char *error_type, struct text message);
void collector_flush_detail(struct collector *collector);
/* course.c for collector.c: a test begins or a result comes. False: not to be looked at. */
bool course_test(struct collector *collector, struct text suite, struct text name);
void course_count(struct collector *collector, enum case_result result, int by);

#endif
