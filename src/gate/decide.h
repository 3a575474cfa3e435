/* SPDX-License-Identifier: MIT
 *
 * decide: a policy held against what the boards said. The one place that lets a release go out.
 *
 *     gate_decide(&policy, &question, &ruling)
 *
 * Pure: no clock, no file, no network. Nothing is green by silence: no report, a report of another
 * commit, a board that is asked for and is not there are reds. Each red is one line for a person.
 */
#ifndef HIL_GATE_DECIDE_H
#define HIL_GATE_DECIDE_H

#include "gate/policy.h"
#include "gate/report_file.h"

enum red_kind {
    RED_COMMIT,   /* a report is of another commit, or of none */
    RED_BOARD,    /* a board that must have passed, or one with some labels, has no report */
    RED_FAILURE,  /* a test or a run failed */
    RED_EXPIRED,  /* so did one whose quarantine is over */
    RED_TESTS,    /* too few, or one that must have passed has not */
    RED_BASELINE, /* fewer than before */
    RED_FLAKY,    /* more than are allowed */
    RED_INFRA,    /* the lab's fault */
    RED_KINDS
};
const char *red_kind_name(enum red_kind kind); /* "commit" ... */

struct red {
    enum red_kind kind;
    const char *text;   /* one line, not cleaned: boards' words may be in it */
    const char *test;   /* "math.test_div"; NULL: it is about no single test */
    const char *path;   /* of the repository's file; NULL: not known */
    const char *detail; /* more lines; NULL: none */
    uint32_t line;
    struct strv boards;
};

struct gate_question {
    const struct reports *reports;
    const char *const *commits; /* NULL-terminated: of one of them a report must be; NULL: of any */
    const struct reports *baseline; /* NULL: nothing to compare with */
    const char *baseline_name;
    const char *today; /* UTC, "2026-11-30" */
};

struct ruling {
    struct arena arena;
    enum verdict verdict;
    struct red *reds; /* in the order of their kinds */
    size_t count;
    struct strv notes; /* worth knowing: what did not count, and what is over soon */
    size_t boards, boards_passed;
    size_t tests; /* that ran */
};

void gate_decide(const struct policy *policy, const struct gate_question *question,
                 struct ruling *ret);
void ruling_done(struct ruling *ruling);

#endif
