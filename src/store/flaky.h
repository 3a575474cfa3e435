/* SPDX-License-Identifier: MIT
 *
 * flaky: tests that pass and fail on the same image, and whether the test or a board is to blame.
 *
 *     flaky_find(store, &filter, &found, err)    ...    flaky_done(&found)
 *
 * The same bytes on the same board should give the same result. So the results of a test on a board
 * with an image are taken in the order of time, and each two neighbours are one trial: a flip where
 * one passed and the other did not. (Flip rate over a fixed version, as in E. Kowalczyk et al.,
 * "Modeling and Ranking Flaky Tests at Apple", ICSE-SEIP 2020, there over runs, here over pairs, so
 * that images that ran once say nothing.) An error counts as failed; skipped tests and tries that
 * the lab spoiled (infra) are left out. A try that failed with no test to blame is a test of its
 * own, named as its job.
 *
 * The interval of the rate is Wilson's score interval at 95 % (E. B. Wilson, J. Am. Stat. Assoc.
 * 22, 1927, pp. 209-212), which stands also where few or no trials flipped. A board is to blame
 * where its interval lies wholly above that of all other boards together: intervals that do not
 * meet mean a difference at far less than 5 % (N. Schenker, J. F. Gentleman, Am. Stat. 55, 2001,
 * pp. 182-186).
 *
 * Only tests that failed at least once are looked into. Blocking, threads: as store.
 */
#ifndef HIL_STORE_FLAKY_H
#define HIL_STORE_FLAKY_H

#include "store/history.h"

struct flaky_count {
    uint64_t runs, failed;  /* results; */
    uint64_t pairs, flips;  /* neighbours in time with the same image and board */
    double rate, low, high; /* flips of pairs, and its interval; 0, 0, 1 without a pair */
};

enum flaky_blame {
    FLAKY_UNKNOWN, /* too little is known to tell */
    FLAKY_TEST,    /* it flips on several boards, none of which stands out */
    FLAKY_BOARD,   /* one board stands out */
};
const char *flaky_blame_name(enum flaky_blame blame); /* "unknown" "test" "board" */

struct flaky_board { /* of one test, or over all flaky tests */
    char *lab, *board;
    struct flaky_count count;
    size_t tests; /* that flipped on it */
    bool stands_out;
};
struct flaky_test {
    char *lab, *suite, *name;   /* suite "": none */
    bool is_job;                /* tries that failed with no test to blame */
    struct flaky_count count;   /* over all boards */
    struct flaky_board *boards; /* by rate, the highest first */
    size_t board_count;
    enum flaky_blame blame;
    int64_t last_us; /* when it failed last */
};
struct flaky {
    struct flaky_test *tests; /* that flipped; by rate, the surest first: by `low` */
    size_t test_count;
    struct flaky_board *boards; /* over all of those tests */
    size_t board_count;
};
/* The filter's verdicts and limit do not count; `test` is a pattern as for case_like(), `board`
 * keeps the tests that flipped there, beside what other boards made of them. */
int flaky_find(struct store *store, const struct history_filter *filter, struct flaky *ret,
               struct err *err);
/* From when on the filter's newest results, about `most` of them, are: a since_us for whoever needs
 * an answer soon. At least the filter's own. */
int flaky_since(struct store *store, const struct history_filter *filter, uint64_t most,
                int64_t *ret_us, struct err *err);
void flaky_limit(struct flaky *flaky, size_t tests); /* keeps the first; 0: all */
void flaky_done(struct flaky *flaky);
/* Wilson's interval of `hits` of `trials`. */
void flaky_interval(uint64_t hits, uint64_t trials, double *ret_low, double *ret_high);

#endif
