/* SPDX-License-Identifier: MIT
 *
 * bench: what the gate's judges share while they decide: what they were asked, and what they have
 * found so far. Names and texts that stay live in the ruling's arena.
 */
#ifndef HIL_GATE_BENCH_H
#define HIL_GATE_BENCH_H

#include "gate/decide.h"

struct bench {
    const struct policy *policy;
    const struct gate_question *question;
    const struct run_result *run;
    struct ruling *ruling;
    bool *used;     /* quarantines that something fell under */
    bool *passed;   /* jobs that count as passed */
    bool *forgiven; /* jobs with a failure that is in quarantine */
};

/* A red more; the pointer ends at the next call. */
struct red *bench_red(struct bench *bench, enum red_kind kind, const char *text);
void bench_note(struct bench *bench, char *text); /* takes it over */

/* True where the job's board has the name, or all labels of a selector parted by commas. */
bool bench_is_board(const struct job_result *job, const char *selector);
bool bench_like_any(const char *suite, const char *name, const struct strv *patterns);
const char *bench_list(struct arena *arena, const struct strv *names); /* "a, b, c and 3 more" */
const char *bench_test_name(struct arena *arena, const char *suite, const char *name);

/* quarantine.c: a red for each failure that counts; says which jobs have passed. */
void bench_check_failures(struct bench *bench);

#endif
