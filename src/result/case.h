/* SPDX-License-Identifier: MIT
 *
 * case: one test, and the suites that group them.
 *
 * Strings live in the arena of the job that has the suite. They are raw bytes as a board printed
 * them, without NUL: reports clean them (base/text).
 */
#ifndef HIL_RESULT_CASE_H
#define HIL_RESULT_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum case_result {
    CASE_PASS,
    CASE_FAIL,  /* an assertion failed */
    CASE_ERROR, /* begun and never ended: crash, hang, reset */
    CASE_SKIP,
};
const char *case_result_name(enum case_result result); /* "pass" "fail" "error" "skip" */

struct test_case {
    const char *name;       /* as printed */
    const char *message;    /* one line: why it failed or was skipped; NULL: nothing was said */
    const char *detail;     /* more lines, parted by LF; NULL: none */
    const char *file;       /* as printed; NULL: not printed */
    const char *path;       /* the same as the repository has it; NULL: it is none of its files, or
                             * more than one could be meant, or nobody asked */
    const char *error_type; /* of CASE_ERROR: "crash" "hang" "reset" "unfinished"; else NULL */
    uint32_t line;          /* 0: not printed */
    enum case_result result;
    int64_t start_us; /* -1: no start seen */
    int64_t end_us;
    int64_t duration_us; /* what the firmware printed, else end - start, else -1 */
    uint64_t log_begin;  /* bytes into uart.log: the lines that belong to it */
    uint64_t log_end;
    const struct earlier *earlier; /* how it failed in earlier attempts, the first one first; NULL:
                                    * it did not. attempts_settle() fills it in */
};

struct earlier {
    unsigned attempt; /* from 1 */
    const char *board;
    const struct test_case *failed; /* of an attempt that the job holds */
    const struct earlier *next;
};

struct test_suite {
    const char *name; /* "" where the format has no suites */
    struct test_case *cases;
    size_t count, room;
};

struct test_counts {
    size_t total, pass, fail, error, skip;
    size_t flaky; /* passed, and failed in an earlier attempt; and jobs that did so as a whole */
};

/* A new zeroed case at the end; the times are -1. The pointer ends at the next call. */
struct test_case *suite_add(struct test_suite *suite);
struct test_counts suite_counts(const struct test_suite *suite);
void counts_add(struct test_counts *sum, struct test_counts more);
/* Whether a shell-like pattern (str_glob) matches NAME or SUITE.NAME. */
bool case_like(const char *suite, const char *name, const char *pattern);
/* The file as reports name it: the repository's path, else what was printed; NULL: none. */
const char *case_file(const struct test_case *test_case);

#endif
