/* SPDX-License-Identifier: MIT
 *
 * history: what the store is asked for: runs, what each board did in them, cases, events.
 *
 *     struct history_filter filter = {.lab = "bench-a", .since_us = now - week, .limit = 20};
 *     history_tries(store, &filter, print_row, &table, err)
 *
 * Each query calls `each` once a row, the newest first where nothing else is said; a row and its
 * texts are borrowed for that call. What `each` returns other than 0 ends the query and is its
 * result. Texts that were not known are NULL; names that a board gave are clean (base/text).
 * Charts are in charts.h, flaky tests in flaky.h.
 *
 * A query reads one state of the store and holds up no writer; blocking, threads: as store.
 */
#ifndef HIL_STORE_HISTORY_H
#define HIL_STORE_HISTORY_H

#include "store/store.h"

struct history_filter { /* zeroed: everything */
    const char *lab, *board;
    const char *test;           /* pattern: of a job's test, or of a case as case_like() has it */
    const char *job;            /* the test of a job, by its whole name; of runs and events none */
    int64_t run;                /* 0: any */
    int64_t since_us, until_us; /* begun in; 0: open */
    unsigned verdicts;          /* 1 << VERDICT_FAIL | ...; 0: any */
    size_t limit;               /* rows; 0: all */
};

struct history_run {
    int64_t id, started_us, took_us;
    const char *lab, *repository, *sha, *ref, *describe, *url;
    enum verdict verdict;
    size_t boards; /* that it ran on */
    struct test_counts counts;
};
int history_runs(struct store *store, const struct history_filter *filter,
                 int (*each)(void *arg, const struct history_run *run), void *arg, struct err *err);

/* One image on one board: an attempt of a job of a run, or one of hil watch. */
struct history_try {
    int64_t run, watch;                             /* the run's id; the watch attempt's; 0: none */
    int64_t started_us, took_us, flash_us, test_us; /* the last two 0: not known */
    const char *lab, *board, *test, *tool, *probe;
    const char *image, *image_sha256, *build_id; /* the file, as it was named */
    const char *tag, *asset;                     /* of a watch */
    const char *sha, *ref, *url;                 /* of the run */
    unsigned attempt;                            /* from 1 */
    bool last;                                   /* no later attempt of the job */
    bool golden, open; /* open: the watch attempt has not ended, or its process died */
    int exit_code;     /* of the try alone */
    enum verdict verdict;
    const char *reason, *blame;
    struct test_counts counts;
    /* With filter.test, where a case matched: that case; else NULL and the try as a whole. */
    const struct history_case *found;
};
struct history_case {
    int64_t job;
    const char *suite, *name;
    enum case_result result;
    int64_t duration_us; /* -1: not known */
};
int history_tries(struct store *store, const struct history_filter *filter,
                  int (*each)(void *arg, const struct history_try *row), void *arg,
                  struct err *err);
/* Of one run's board, in the order of the log; board NULL: of all. */
int history_cases(struct store *store, int64_t run, const char *board,
                  int (*each)(void *arg, const struct history_try *of,
                              const struct history_case *row),
                  void *arg, struct err *err);

struct history_event { /* "flash" "quarantine" "release" "recovery" "watch" ... (store_event) */
    int64_t id, at_us;
    const char *lab, *board, *kind, *text;
};
int history_events(struct store *store, const struct history_filter *filter,
                   int (*each)(void *arg, const struct history_event *event), void *arg,
                   struct err *err);

#endif
